/* net_packet.c: headers, checksums, segments; frames that lie. */
#include "net_frames.h"
#include "xenner/backend/net_packet.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

static const struct frame_kind kinds[] = {
    {0}, {.udp = true}, {.v6 = true}, {.v6 = true, .udp = true}, {.vlan = true},
    {.ip_options = 8}, {.tcp_options = 12}, {.v6 = true, .ip_options = 8, .tcp_options = 40},
    {.vlan = true, .v6 = true, .udp = true}, {.ip_options = 40, .tcp_options = 40, .vlan = true},
};

static void checksums(void **state)
{
    g_autofree uint8_t *room = g_malloc(FRAME_HEADERS + 3000);
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 100, 1459, 1460, 2999};

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
            size_t len = frame_make(room, kinds[k], sizes[i]);
            g_autofree uint8_t *frame = g_memdup2(room, len); /* so that sanitizers see its end */
            struct net_packet p = {frame, len, NET_CSUM_BLANK};
            assert_false(frame_sums_right(frame, len));
            assert_true(net_csum_complete(&p));
            assert_int_equal(p.csum, NET_CSUM_VALID);
            if (!frame_sums_right(frame, len))
                fail_msg("kind %u, %zu bytes", k, sizes[i]);
        }
    }
}

/* Padding behind the packet doesn't count. */
static void padded(void **state)
{
    uint8_t frame[FRAME_HEADERS + 100];
    size_t len = frame_make(frame, (struct frame_kind){0}, 3);
    struct net_packet p = {frame, len + 20, NET_CSUM_BLANK};

    memset(frame + len, 0xee, 20);
    assert_true(net_csum_complete(&p));
    assert_true(frame_sums_right(frame, len));
}

/* A UDP sum of 0 is written as 0xffff: 0 would mean that there is none. */
static void udp_zero(void **state)
{
    uint8_t frame[FRAME_HEADERS + 2];
    unsigned found = 0;

    for (unsigned v = 0; v < 65536; v++) {
        size_t len = frame_make(frame, (struct frame_kind){.udp = true}, 2);
        frame[len - 2] = (uint8_t)(v >> 8);
        frame[len - 1] = (uint8_t)v;
        struct net_packet p = {frame, len, NET_CSUM_BLANK};
        net_csum_complete(&p);
        assert_false(frame[40] == 0 && frame[41] == 0);
        found += frame[40] == 0xff && frame[41] == 0xff;
    }
    assert_int_equal(found, 1);
}

/* The pseudo header's sum is in place: the rest added, as a card does, makes it right. */
static void prepared(void **state)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        uint8_t frame[FRAME_HEADERS + 101];
        size_t len = frame_make(frame, kinds[k], 101);
        struct net_packet p = {frame, len, NET_CSUM_BLANK};
        struct net_headers h;
        uint32_t sum = 0;

        assert_true(net_csum_prepare(&p, &h));
        for (size_t i = h.l4; i < len; i++)
            sum += (i - h.l4) % 2 ? frame[i] : frame[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        uint8_t *at = frame + h.l4 + net_csum_offset(h.proto);
        at[0] = (uint8_t)(~sum >> 8);
        at[1] = (uint8_t)~sum;
        assert_true(frame_sums_right(frame, len));
    }
}

static void complete_stays(void **state)
{
    uint8_t frame[FRAME_HEADERS], before[FRAME_HEADERS];
    size_t len = frame_make(frame, (struct frame_kind){0}, 10);
    struct net_packet p = {frame, len, NET_CSUM_COMPLETE};

    memcpy(before, frame, len);
    assert_false(net_csum_complete(&p));
    assert_memory_equal(before, frame, len);
}

/* Frames cut at any byte, and with any byte changed: nothing beyond their end, no crash. */
static void broken(void **state)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        uint8_t room[FRAME_HEADERS + 40];
        size_t len = frame_make(room, kinds[k], 40);
        for (size_t n = 1; n < len; n++) {
            g_autofree uint8_t *frame = g_memdup2(room, n);
            struct net_packet p = {frame, n, NET_CSUM_BLANK};
            assert_false(net_csum_complete(&p));
        }
        for (size_t at = 12; at < len - 40; at++) {
            for (unsigned v = 0; v < 256; v++) {
                g_autofree uint8_t *frame = g_memdup2(room, len), *out = g_malloc(NET_SEGMENT_MAX);
                frame[at] = (uint8_t)v;
                struct net_packet p = {frame, len, NET_CSUM_BLANK, NET_GSO_TCPV4, 7};
                while (net_segment(&p, out))
                    assert_in_range(p.segments_out, 1, 64);
                net_csum_complete(&p);
                net_flow_hash(frame, len);
            }
        }
    }
}

static uint32_t sequence(const uint8_t *frame, const struct net_headers *h)
{
    const uint8_t *p = frame + h->l4 + 4;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void cut(struct frame_kind kind, size_t payload, uint16_t size)
{
    g_autofree uint8_t *frame = g_malloc(FRAME_HEADERS + payload), *out = g_malloc(NET_SEGMENT_MAX);
    size_t len = frame_make(frame, kind, payload), seen = 0, n;
    struct net_packet p = {frame, len, NET_CSUM_BLANK, kind.v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4, size};
    struct net_headers whole, h;
    unsigned count = 0;

    assert_true(net_parse(frame, len, &whole));
    while ((n = net_segment(&p, out))) {
        assert_true(net_parse(out, n, &h));
        assert_int_equal(h.payload, whole.payload);
        assert_true(frame_sums_right(out, n));
        assert_int_equal(sequence(out, &h), (uint32_t)(0xffffff00u + seen));
        assert_memory_equal(out + h.payload, frame + whole.payload + seen, n - h.payload);
        if (!kind.v6)
            assert_int_equal(out[whole.l3 + 4] << 8 | out[whole.l3 + 5], 0x1234 + count);
        seen += n - h.payload;
        uint8_t flags = out[h.l4 + 13];
        assert_int_equal(flags & 0x09, seen == payload ? 0x09 : 0); /* FIN and PSH on the last */
        assert_int_equal(flags & 0x80, count ? 0 : 0x80);           /* CWR on the first */
        assert_true(flags & 0x10);
        assert_true(n - h.payload <= size);
        count++;
    }
    assert_int_equal(seen, payload);
    assert_int_equal(count, payload ? (payload + size - 1) / size : 1);
}

static void segments(void **state)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        if (kinds[k].udp)
            continue;
        cut(kinds[k], 0, 1000);
        cut(kinds[k], 1, 1);
        cut(kinds[k], 1000, 1000);
        cut(kinds[k], 1001, 1000);
        cut(kinds[k], 64000, 1448);
        cut(kinds[k], 500, 65535);
    }
}

static void not_to_cut(void **state)
{
    uint8_t frame[FRAME_HEADERS + 100], out[FRAME_HEADERS + 100];
    size_t len = frame_make(frame, (struct frame_kind){.udp = true}, 100);
    struct net_packet p = {frame, len, NET_CSUM_BLANK, NET_GSO_TCPV4, 10};

    assert_int_equal(net_segment(&p, out), 0);
    len = frame_make(frame, (struct frame_kind){.v6 = true}, 100);
    p = (struct net_packet){frame, len, NET_CSUM_BLANK, NET_GSO_TCPV4, 10};
    assert_int_equal(net_segment(&p, out), 0);
    p.gso = NET_GSO_TCPV6;
    p.gso_size = 0;
    assert_int_equal(net_segment(&p, out), 0);
}

/* A segment of `n` bytes, `seq` behind the first, with its checksums. Returns its length. */
static size_t segment(uint8_t *out, struct frame_kind kind, uint32_t seq, size_t n, uint8_t flags)
{
    size_t len = frame_make(out, kind, n);
    struct net_packet p = {out, len, NET_CSUM_BLANK};
    struct net_headers h;

    assert_true(net_parse(out, len, &h));
    seq += sequence(out, &h);
    for (unsigned i = 0; i < 4; i++)
        out[h.l4 + 4 + i] = (uint8_t)(seq >> (24 - 8 * i));
    out[h.l4 + 13] = flags;
    memset(out + h.payload, (int)('a' + seq % 26), n);
    net_csum_complete(&p);
    return len;
}

enum { ACK = 0x10, PSH = 0x08, FIN = 0x01 };

/* What was joined is the stream again, and cut again it is the same frames. */
static void join(struct frame_kind kind, size_t size, unsigned count, size_t last)
{
    g_autofree uint8_t *room = g_malloc(NET_PACKET_MAX), *frame = g_malloc(FRAME_HEADERS + size);
    g_autofree uint8_t *out = g_malloc(NET_SEGMENT_MAX);
    struct net_packet p = {.data = room};
    struct net_headers h;

    for (unsigned i = 0; i < count; i++) {
        size_t n = i + 1 < count ? size : last;
        size_t len = segment(frame, kind, (uint32_t)(i * size), n, i + 1 < count ? ACK : ACK | PSH);
        assert_true(net_join(&p, frame, len));
    }
    assert_int_equal(p.csum, NET_CSUM_BLANK);
    assert_int_equal(p.gso, kind.v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4);
    assert_int_equal(p.gso_size, size);
    assert_true(net_csum_prepare(&p, &h));
    assert_int_equal(p.len - h.payload, (count - 1) * size + last);
    for (unsigned i = 0; i < count; i++) {
        size_t n = i + 1 < count ? size : last;
        size_t len = segment(frame, kind, (uint32_t)(i * size), n, i + 1 < count ? ACK : ACK | PSH);
        assert_int_equal(net_segment(&p, out), len);
        assert_memory_equal(out + h.payload, frame + h.payload, n);
        assert_true(frame_sums_right(out, len));
    }
    assert_int_equal(net_segment(&p, out), 0);
    /* it ended: with PSH, or with a shorter one */
    size_t len = segment(frame, kind, (uint32_t)((count - 1) * size + last), last, ACK);
    assert_false(net_join(&p, frame, len));
}

static void joined(void **state)
{
    join((struct frame_kind){0}, 1460, 44, 1460);
    join((struct frame_kind){.v6 = true}, 1000, 2, 1);
    join((struct frame_kind){.vlan = true, .tcp_options = 12}, 1448, 10, 77);
}

/* Frames that are no more of the same stay what they are, and so does the packet. */
static void not_to_join(void **state)
{
    g_autofree uint8_t *room = g_malloc(NET_PACKET_MAX);
    uint8_t frame[FRAME_HEADERS + 100], first[FRAME_HEADERS + 100];
    static const struct { uint32_t seq; uint8_t flags; size_t n; int at; } rows[] = {
        {99, ACK, 100, 0}, {101, ACK, 100, 0}, {100, ACK | FIN, 100, 0}, {100, PSH, 100, 0},
        {100, ACK, 0, 0},
        {100, ACK, 100, 6},       /* another sender's address on the wire */
        {100, ACK, 100, 15},      /* type of service */
        {100, ACK, 100, 22},      /* time to live */
        {100, ACK, 100, 26},      /* IP address */
        {100, ACK, 100, 34},      /* port */
        {100, ACK, 100, 42},      /* acknowledgement */
        {100, ACK, 100, 48},      /* window */
        {100, ACK, 100, 16},      /* a length that the frame has not */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct net_packet p = {.data = room};
        size_t len = segment(first, (struct frame_kind){0}, 0, 100, ACK);
        assert_true(net_join(&p, first, len));
        size_t n = segment(frame, (struct frame_kind){0}, rows[i].seq, rows[i].n, rows[i].flags);
        if (rows[i].at)
            frame[rows[i].at] ^= 1;
        if (net_join(&p, frame, n))
            fail_msg("row %u", i);
        assert_int_equal(p.len, len);
        assert_int_equal(p.gso, NET_GSO_NONE);
        assert_memory_equal(room, first, len);
        assert_true(net_join(&p, frame, segment(frame, (struct frame_kind){0}, 100, 100, ACK)));
    }
    struct net_packet p = {.data = room};
    assert_false(net_join(&p, frame, segment(frame, (struct frame_kind){.ip_options = 8}, 0, 100, ACK)));
    assert_false(net_join(&p, frame, frame_make(frame, (struct frame_kind){.udp = true}, 100)));
    assert_int_equal(p.len, 0);
}

/* No larger than an IP packet may be. */
static void join_to_the_limit(void **state)
{
    g_autofree uint8_t *room = g_malloc(NET_PACKET_MAX);
    uint8_t frame[FRAME_HEADERS + 1460];
    struct net_packet p = {.data = room};
    uint32_t seq = 0;

    while (net_join(&p, frame, segment(frame, (struct frame_kind){0}, seq, 1460, ACK)))
        seq += 1460;
    assert_in_range(p.len, 65535 - 1460, 65535 + 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums), cmocka_unit_test(padded), cmocka_unit_test(udp_zero),
        cmocka_unit_test(prepared), cmocka_unit_test(complete_stays), cmocka_unit_test(broken),
        cmocka_unit_test(segments), cmocka_unit_test(not_to_cut), cmocka_unit_test(joined),
        cmocka_unit_test(not_to_join), cmocka_unit_test(join_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
