#include "xenner/backend/net_packet.h"

#include <netinet/in.h>
#include <string.h>

enum {
    ETH_HEADER = 14, VLAN_TAG = 4, MAX_TAGS = 2, MAX_EXTENSIONS = 8,
    ETH_IP = 0x0800, ETH_IPV6 = 0x86dd, ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8,
    IP_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8,
};
enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, CWR = 0x80 }; /* of TCP's flags */

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/* A sum of the 16-bit words in the machine's order: 8 bytes at a time, folded later. */
static uint64_t sum_bytes(const uint8_t *p, size_t len, uint64_t sum)
{
    uint64_t word;
    uint32_t half;
    uint16_t rest = 0;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        sum += word;
        sum += sum < word;
    }
    if (len >= 4) {
        memcpy(&half, p, 4);
        sum += half;
        sum += sum < half;
        p += 4;
        len -= 4;
    }
    for (; len; p += len > 1 ? 2 : 1, len -= len > 1 ? 2 : 1) {
        rest = 0;
        memcpy(&rest, p, len > 1 ? 2 : 1);
        sum += rest;
        sum += sum < rest;
    }
    return sum;
}

/* The one's complement sum, as it is written to memory. */
static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

static void put_sum(uint8_t *p, uint16_t sum)
{
    memcpy(p, &sum, 2);
}

static bool parse_ip(const uint8_t *data, size_t len, struct net_headers *h)
{
    const uint8_t *ip = data + h->l3;

    if (len - h->l3 < IP_HEADER || ip[0] >> 4 != 4 || (get16(ip + 6) & 0x3fff))
        return false;
    size_t header = (ip[0] & 15) * 4u;
    h->l4 = h->l3 + header;
    h->proto = ip[9];
    return header >= IP_HEADER && h->l4 <= len;
}

static bool parse_ipv6(const uint8_t *data, size_t len, struct net_headers *h)
{
    if (len - h->l3 < IPV6_HEADER || data[h->l3] >> 4 != 6)
        return false;
    h->v6 = true;
    h->l4 = h->l3 + IPV6_HEADER;
    h->proto = data[h->l3 + 6];
    for (unsigned i = 0; i < MAX_EXTENSIONS; i++) {
        if (h->proto != IPPROTO_HOPOPTS && h->proto != IPPROTO_DSTOPTS)
            return true;
        if (len - h->l4 < 8)
            return false;
        h->proto = data[h->l4];
        h->l4 += 8 + data[h->l4 + 1] * 8u;
        if (h->l4 > len)
            return false;
    }
    return false;
}

bool net_parse(const uint8_t *data, size_t len, struct net_headers *ret)
{
    struct net_headers h = {.l3 = ETH_HEADER};

    if (len < ETH_HEADER)
        return false;
    unsigned type = get16(data + 12);
    for (unsigned i = 0; i < MAX_TAGS && (type == ETH_VLAN || type == ETH_QINQ); i++) {
        if (len - h.l3 < VLAN_TAG)
            return false;
        type = get16(data + h.l3 + 2);
        h.l3 += VLAN_TAG;
    }
    if (!(type == ETH_IP && parse_ip(data, len, &h)) &&
        !(type == ETH_IPV6 && parse_ipv6(data, len, &h)))
        return false;
    if (h.proto == IPPROTO_TCP) {
        if (len - h.l4 < TCP_HEADER)
            return false;
        size_t header = (data[h.l4 + 12] >> 4) * 4u;
        h.payload = h.l4 + header;
        if (header < TCP_HEADER || h.payload > len)
            return false;
    } else if (h.proto == IPPROTO_UDP) {
        if (len - h.l4 < UDP_HEADER)
            return false;
        h.payload = h.l4 + UDP_HEADER;
    } else {
        return false;
    }
    *ret = h;
    return true;
}

size_t net_csum_offset(uint8_t proto)
{
    return proto == IPPROTO_TCP ? 16 : 6;
}

/* Short frames are padded: what counts is what the IP header says. 0: more than there is. */
static size_t l4_length(const uint8_t *data, size_t len, const struct net_headers *h)
{
    size_t end = h->v6 ? h->l3 + IPV6_HEADER + get16(data + h->l3 + 4)
                       : h->l3 + get16(data + h->l3 + 2);

    return end > len || end < h->payload ? 0 : end - h->l4;
}

static uint64_t pseudo_sum(const uint8_t *data, const struct net_headers *h, size_t l4_len)
{
    uint8_t tail[8] = {0};
    uint64_t sum = h->v6 ? sum_bytes(data + h->l3 + 8, 32, 0) : sum_bytes(data + h->l3 + 12, 8, 0);

    put32(tail, (uint32_t)l4_len);
    tail[7] = h->proto;
    return sum_bytes(tail, sizeof(tail), sum);
}

static void fill_csum(uint8_t *data, const struct net_headers *h, size_t l4_len)
{
    uint8_t *at = data + h->l4 + net_csum_offset(h->proto);

    put16(at, 0);
    uint16_t sum = (uint16_t)~fold(sum_bytes(data + h->l4, l4_len, pseudo_sum(data, h, l4_len)));
    put_sum(at, !sum && h->proto == IPPROTO_UDP ? 0xffff : sum); /* UDP's 0 means "none" */
}

bool net_csum_complete(struct net_packet *p)
{
    struct net_headers h;

    if (p->csum != NET_CSUM_BLANK || !net_parse(p->data, p->len, &h))
        return false;
    size_t l4_len = l4_length(p->data, p->len, &h);
    if (!l4_len)
        return false;
    fill_csum(p->data, &h, l4_len);
    p->csum = NET_CSUM_VALID;
    return true;
}

bool net_csum_prepare(struct net_packet *p, struct net_headers *ret)
{
    if (p->csum != NET_CSUM_BLANK || !net_parse(p->data, p->len, ret))
        return false;
    size_t l4_len = l4_length(p->data, p->len, ret);
    if (!l4_len)
        return false;
    put_sum(p->data + ret->l4 + net_csum_offset(ret->proto),
            fold(pseudo_sum(p->data, ret, l4_len)));
    return true;
}

/* The IP header of a segment that is not the whole packet. */
static void fix_ip(uint8_t *out, const struct net_headers *h, size_t len, unsigned segment)
{
    uint8_t *ip = out + h->l3;

    if (h->v6) {
        put16(ip + 4, (unsigned)(len - h->l3 - IPV6_HEADER));
        return;
    }
    put16(ip + 2, (unsigned)(len - h->l3));
    put16(ip + 4, get16(ip + 4) + segment);
    put16(ip + 10, 0);
    put_sum(ip + 10, (uint16_t)~fold(sum_bytes(ip, h->l4 - h->l3, 0)));
}

size_t net_segment(struct net_packet *p, uint8_t *out)
{
    struct net_headers h;

    if (p->gso == NET_GSO_NONE || !p->gso_size || !net_parse(p->data, p->len, &h) ||
        h.proto != IPPROTO_TCP || h.v6 != (p->gso == NET_GSO_TCPV6))
        return 0;
    size_t l4_len = l4_length(p->data, p->len, &h);
    if (!l4_len)
        return 0;
    size_t payload = l4_len - (h.payload - h.l4), done = (size_t)p->segments_out * p->gso_size;
    if (done >= payload && (done || payload))
        return 0;
    if (p->segments_out && !payload)
        return 0;
    size_t n = payload - done < p->gso_size ? payload - done : p->gso_size;
    bool last = done + n == payload;
    memcpy(out, p->data, h.payload);
    memcpy(out + h.payload, p->data + h.payload + done, n);
    uint8_t *tcp = out + h.l4;
    put32(tcp + 4, get32(tcp + 4) + (uint32_t)done);
    if (!last)
        tcp[13] &= (uint8_t)~(FIN | PSH);
    if (p->segments_out)
        tcp[13] &= (uint8_t)~CWR;
    fix_ip(out, &h, h.payload + n, p->segments_out);
    fill_csum(out, &h, h.payload - h.l4 + n);
    p->segments_out++;
    return h.payload + n;
}

/* Data, and nothing else that a receiver would have to be told of. */
static bool only_data(const uint8_t *data, size_t len, const struct net_headers *h)
{
    return h->proto == IPPROTO_TCP && (data[h->l4 + 13] & ~PSH) == ACK && h->payload < len &&
           h->l4 - h->l3 == (h->v6 ? IPV6_HEADER : IP_HEADER) && l4_length(data, len, h) == len - h->l4;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    return memcmp(a + from, b + from, to - from) == 0;
}

/* All but lengths, IPv4's number, sequence numbers, PSH and checksums. */
static bool same_headers(const uint8_t *a, const uint8_t *b, const struct net_headers *h)
{
    size_t ip = h->l3, tcp = h->l4;
    bool same_ip = h->v6 ? same(a, b, 0, ip + 4) && same(a, b, ip + 6, tcp)
                         : same(a, b, 0, ip + 2) && same(a, b, ip + 6, ip + 10) &&
                               same(a, b, ip + 12, tcp);

    return same_ip && same(a, b, tcp, tcp + 4) && same(a, b, tcp + 8, tcp + 13) &&
           same(a, b, tcp + 14, tcp + 16) && same(a, b, tcp + 18, h->payload);
}

bool net_join(struct net_packet *p, const uint8_t *frame, size_t len)
{
    struct net_headers h, next;

    if (len > NET_PACKET_MAX || !net_parse(frame, len, &next) || !only_data(frame, len, &next))
        return false;
    if (!p->len) {
        memcpy(p->data, frame, len);
        *p = (struct net_packet){.data = p->data, .len = len, .csum = NET_CSUM_VALID};
        return true;
    }
    if (!net_parse(p->data, p->len, &h) || h.l3 != next.l3 || h.v6 != next.v6 ||
        h.payload != next.payload || !same_headers(p->data, frame, &h))
        return false;
    uint8_t *tcp = p->data + h.l4;
    size_t done = p->len - h.payload, n = len - next.payload;
    size_t size = p->gso == NET_GSO_NONE ? done : p->gso_size;
    if ((tcp[13] & PSH) || done % size || n > size || p->len + n - h.l3 > UINT16_MAX ||
        get32(frame + next.l4 + 4) != get32(tcp + 4) + (uint32_t)done)
        return false;
    memcpy(p->data + p->len, frame + next.payload, n);
    p->len += n;
    tcp[13] |= frame[next.l4 + 13];
    fix_ip(p->data, &h, p->len, 0);
    p->gso = h.v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
    p->gso_size = (uint16_t)size;
    p->csum = NET_CSUM_BLANK;
    return true;
}

uint32_t net_flow_hash(const uint8_t *data, size_t len)
{
    struct net_headers h;
    uint64_t sum;

    if (!net_parse(data, len, &h))
        return 0;
    sum = sum_bytes(data + h.l3 + (h.v6 ? 8 : 12), h.v6 ? 32 : 8, 0) + get32(data + h.l4);
    return (uint32_t)((sum * 0x9e3779b97f4a7c15ull) >> 32);
}
