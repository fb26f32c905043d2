#include "net_frames.h"

#include <string.h>

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* RFC 1071, as it is written there. */
static unsigned add(unsigned sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static size_t ip_header(uint8_t *ip, struct frame_kind k, size_t l4_len)
{
    unsigned proto = k.udp ? 17 : 6;

    if (k.v6) {
        size_t ext = k.ip_options ? 8 : 0;
        ip[0] = 0x60;
        put16(ip + 4, (unsigned)(l4_len + ext));
        ip[6] = ext ? 0 : (uint8_t)proto;
        ip[7] = 64;
        memset(ip + 8, 0x21, 16);
        memset(ip + 24, 0x93, 16);
        if (ext) {
            ip[40] = (uint8_t)proto;
            ip[42] = 1; /* PadN */
            ip[43] = 4;
        }
        return 40 + ext;
    }
    size_t header = 20 + k.ip_options;
    ip[0] = (uint8_t)(0x40 | header / 4);
    put16(ip + 2, (unsigned)(header + l4_len));
    put16(ip + 4, 0x1234);
    ip[8] = 64;
    ip[9] = (uint8_t)proto;
    memcpy(ip + 12, "\x0a\x00\x02\x0f\xff\xfe\x02\x02", 8);
    memset(ip + 20, 1, k.ip_options);
    put16(ip + 10, ~add(0, ip, header) & 0xffff);
    return header;
}

size_t frame_make(uint8_t *out, struct frame_kind k, size_t payload)
{
    size_t l4_header = k.udp ? 8 : 20 + k.tcp_options, at = 12;

    memset(out, 0, FRAME_HEADERS);
    memcpy(out, "\x52\x54\x00\x12\x34\x56\x52\x55\x0a\x00\x02\x02", 12);
    if (k.vlan) {
        put16(out + at, 0x8100);
        at += 4;
    }
    put16(out + at, k.v6 ? 0x86dd : 0x0800);
    at += 2;
    at += ip_header(out + at, k, l4_header + payload);
    put16(out + at, 43210);
    put16(out + at + 2, 80);
    if (k.udp) {
        put16(out + at + 4, (unsigned)(8 + payload));
    } else {
        memcpy(out + at + 4, "\xff\xff\xff\x00", 4); /* a sequence number that wraps soon */
        out[at + 12] = (uint8_t)(l4_header / 4 << 4);
        out[at + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
    }
    at += l4_header;
    for (size_t i = 0; i < payload; i++)
        out[at + i] = (uint8_t)(i * 7 + i / 251);
    return at + payload;
}

bool frame_sums_right(const uint8_t *f, size_t len)
{
    size_t l3 = get16(f + 12) == 0x8100 ? 18 : 14;
    const uint8_t *ip = f + l3;
    bool v6 = ip[0] >> 4 == 6;
    size_t header = v6 ? 40 : (ip[0] & 15) * 4u;
    unsigned proto = v6 ? ip[6] : ip[9];
    size_t total = v6 ? 40 + get16(ip + 4) : get16(ip + 2);

    if (!v6 && add(0, ip, header) != 0xffff)
        return false;
    if (v6 && proto == 0) {
        proto = ip[40];
        header += 8;
    }
    if (total > len - l3)
        return false;
    unsigned sum = v6 ? add(0, ip + 8, 32) : add(0, ip + 12, 8);
    uint8_t tail[4] = {0, (uint8_t)proto};
    put16(tail + 2, (unsigned)(total - header));
    return add(add(sum, tail, 4), ip + header, total - header) == 0xffff;
}
