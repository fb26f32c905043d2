#include "xenner/build/lzma2.h"

#include <glib.h>
#include <string.h>

#define TOP        (1u << 24) /* a range below it takes another byte */
#define ONE_BITS   11
#define ONE        (1u << ONE_BITS)
#define MOVE       5
#define STATES     12 /* below 7: the last thing was a literal */
#define LITERAL    0x300
#define MAX_LEN    273u
#define COPY_BYTES 16u

struct lengths {
    uint16_t choice[2], low[16][8], middle[16][8], high[256];
};

/* Probabilities of a 0, in 1/2048. */
struct model {
    uint16_t is_match[STATES][16], is_rep[STATES], is_rep0[STATES], is_rep1[STATES],
        is_rep2[STATES], is_long[STATES][16];
    uint16_t slot[4][64], special[128], align[16];
    struct lengths match, rep;
    uint16_t literal[16 * LITERAL];
};

/* Copied to a local for each chunk: the compiler then knows that no output byte is one of these. */
struct history {
    uint32_t rep0, rep1, rep2, rep3; /* the last distances, less one; 0 is the latest */
    unsigned state;
};

struct decoder {
    struct model model;
    struct history history;
    unsigned lc, lp, pb;
};

struct range {
    const uint8_t *in;
    uint32_t range, code;
};

static inline void refill(struct range *r)
{
    if (G_UNLIKELY(r->range < TOP)) {
        r->range <<= 8;
        r->code = r->code << 8 | *r->in++;
    }
}

/* A bit that the host's branch prediction gets right mostly. */
static inline bool get_flag(struct range *r, uint16_t *p)
{
    refill(r);
    uint32_t bound = (r->range >> ONE_BITS) * *p;
    if (r->code < bound) {
        r->range = bound;
        *p += (ONE - *p) >> MOVE;
        return false;
    }
    r->range -= bound;
    r->code -= bound;
    *p -= *p >> MOVE;
    return true;
}

/* A bit that nobody can foresee: without a branch, which compilers can't be made to do. */
static inline unsigned get_bit(struct range *r, uint16_t *p)
{
    refill(r);
    uint32_t v = *p, bound = (r->range >> ONE_BITS) * v, zero;
    uint32_t code = r->code, range = r->range - bound;

    /* zero = code < bound ? ~0 : 0; range and code as get_flag() has them */
    __asm__("sub %[bound], %[code]\n\t"
            "sbb %[zero], %[zero]\n\t"
            "cmovb %[bound], %[range]\n\t"
            "cmovb %[old], %[code]"
            : [code] "+&r"(code), [zero] "=&r"(zero), [range] "+&r"(range)
            : [bound] "r"(bound), [old] "r"(r->code)
            : "cc");
    r->code = code;
    r->range = range;
    *p = (uint16_t)(v - (uint32_t)((int32_t)(v + (zero & ((1u << MOVE) - 1 - ONE))) >> MOVE));
    return zero + 1;
}

static inline unsigned get_bits(struct range *r, uint16_t *p, unsigned bits)
{
    unsigned m = 1;

    for (unsigned i = 0; i < bits; i++)
        m = m << 1 | get_bit(r, p + m);
    return m - (1u << bits);
}

static inline unsigned get_bits_reversed(struct range *r, uint16_t *p, unsigned bits)
{
    unsigned m = 1, value = 0;

    for (unsigned i = 0; i < bits; i++) {
        unsigned bit = get_bit(r, p + m);
        m = m << 1 | bit;
        value |= bit << i;
    }
    return value;
}

static inline unsigned get_length(struct range *r, struct lengths *l, unsigned pos_state)
{
    if (!get_flag(r, &l->choice[0]))
        return 2 + get_bits(r, l->low[pos_state], 3);
    if (!get_flag(r, &l->choice[1]))
        return 10 + get_bits(r, l->middle[pos_state], 3);
    return 18 + get_bits(r, l->high, 8);
}

static inline uint32_t get_distance(struct range *r, struct model *m, unsigned len)
{
    unsigned slot = get_bits(r, m->slot[MIN(len - 2, 3)], 6);
    if (slot < 4)
        return slot;
    unsigned bits = (slot >> 1) - 1;
    uint32_t high = (2u | (slot & 1)) << bits, even = 0;
    if (slot < 14)
        return high + get_bits_reversed(r, m->special + high - slot, bits);
    for (unsigned i = 4; i < bits; i++) {
        refill(r);
        r->range >>= 1;
        uint32_t code = r->code - r->range, less = (uint32_t)((int32_t)code >> 31);
        r->code = code + (r->range & less);
        even = (even << 1) + 1 + less;
    }
    return high + (even << 4) + get_bits_reversed(r, m->align, 4);
}

/* A literal behind a match: the byte that would have gone on the match chooses the probabilities.
 */
static inline uint8_t get_unmatched(struct range *r, uint16_t *p, unsigned byte)
{
    unsigned m = 1, offset = 0x100;

    while (m < 0x100) {
        byte <<= 1;
        unsigned matched = byte & offset, bit = get_bit(r, p + offset + matched + m);
        m = m << 1 | bit;
        offset &= matched ^ (bit - 1);
    }
    return (uint8_t)m;
}

/* The distance of a repeated match becomes the latest. */
static inline void choose_rep(struct range *r, struct model *m, struct history *h)
{
    uint32_t distance = h->rep1;

    if (get_flag(r, &m->is_rep1[h->state])) {
        distance = h->rep2;
        if (get_flag(r, &m->is_rep2[h->state])) {
            distance = h->rep3;
            h->rep3 = h->rep2;
        }
        h->rep2 = h->rep1;
    }
    h->rep1 = h->rep0;
    h->rep0 = distance;
}

static inline unsigned literal_state(unsigned state)
{
    return state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
}

/* Length of the match whose distance is h->rep0 now. */
static inline unsigned get_match(struct range *r, struct model *m, struct history *h,
                                 unsigned pos_state)
{
    unsigned state = h->state, len;

    if (!get_flag(r, &m->is_rep[state])) {
        h->rep3 = h->rep2;
        h->rep2 = h->rep1;
        h->rep1 = h->rep0;
        len = get_length(r, &m->match, pos_state);
        h->rep0 = get_distance(r, m, len);
        h->state = state < 7 ? 7 : 10;
        return len;
    }
    if (get_flag(r, &m->is_rep0[state]))
        choose_rep(r, m, h);
    else if (!get_flag(r, &m->is_long[state][pos_state])) {
        h->state = state < 7 ? 9 : 11;
        return 1;
    }
    h->state = state < 7 ? 8 : 11;
    return get_length(r, &m->rep, pos_state);
}

/* May write behind len, up to `end`, what is overwritten later. */
static inline void copy_match(uint8_t *out, uint8_t *end, size_t distance, unsigned len)
{
    const uint8_t *from = out - distance;
    uint8_t *stop = out + len;

    if (distance < COPY_BYTES || (size_t)(end - out) < MAX_LEN + COPY_BYTES) {
        while (out < stop)
            *out++ = *from++;
        return;
    }
    for (; out < stop; out += COPY_BYTES, from += COPY_BYTES)
        memcpy(out, from, COPY_BYTES);
}

/* One chunk: [in, in_end), behind which LZMA2_TAIL bytes can be read, fills [out, end). No distance
 * goes before base. One symbol takes 20 bytes at most, so that it is enough to look where it
 * starts. */
static bool unpack_chunk(struct decoder *d, const uint8_t *in, const uint8_t *in_end,
                         const uint8_t *base, uint8_t *out, uint8_t *end)
{
    struct range r = {in + 5, UINT32_MAX,
                      (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 8 | in[4]};
    struct model *m = &d->model;
    struct history h = d->history;
    const unsigned pos_mask = (1u << d->pb) - 1, lit_mask = (1u << d->lp) - 1, lc = d->lc;

    if (in[0])
        return false;
    while (out < end) {
        size_t pos = (size_t)(out - base);
        unsigned pos_state = pos & pos_mask;

        if (r.in > in_end)
            return false;
        if (get_flag(&r, &m->is_match[h.state][pos_state])) {
            unsigned len = get_match(&r, m, &h, pos_state);
            if (h.rep0 >= pos || len > (size_t)(end - out))
                return false;
            copy_match(out, end, (size_t)h.rep0 + 1, len);
            out += len;
            continue;
        }
        unsigned before = pos ? out[-1] : 0;
        uint16_t *p = m->literal + LITERAL * (((pos & lit_mask) << lc) + (before >> (8 - lc)));
        if (h.state < 7)
            *out = (uint8_t)get_bits(&r, p, 8);
        else if (h.rep0 < pos)
            *out = get_unmatched(&r, p, out[-(ptrdiff_t)h.rep0 - 1]);
        else
            return false;
        out++;
        h.state = literal_state(h.state);
    }
    refill(&r);
    d->history = h;
    return r.in == in_end && r.code == 0;
}

static void reset_state(struct decoder *d)
{
    uint16_t *p = (uint16_t *)&d->model;

    for (size_t i = 0; i < sizeof(d->model) / sizeof(*p); i++)
        p[i] = ONE / 2;
    d->history = (struct history){0};
}

static bool set_properties(struct decoder *d, unsigned byte)
{
    d->pb = byte / 45;
    d->lp = byte / 9 % 5;
    d->lc = byte % 9;
    return d->pb <= 4 && d->lc + d->lp <= 4;
}

struct stream {
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
    const uint8_t *base; /* where the dictionary was reset; NULL: not yet */
    bool have_properties;
};

static bool unpack_stored(struct stream *s)
{
    size_t n = ((size_t)s->in[0] << 8 | s->in[1]) + 1;

    s->in += 2;
    if (n > (size_t)(s->in_end - s->in) || n > (size_t)(s->out_end - s->out))
        return false;
    memcpy(s->out, s->in, n);
    s->in += n;
    s->out += n;
    return true;
}

static bool unpack_packed(struct stream *s, struct decoder *d, unsigned control)
{
    size_t n = ((control & 0x1fu) << 16 | (unsigned)s->in[0] << 8 | s->in[1]) + 1;
    size_t packed = ((size_t)s->in[2] << 8 | s->in[3]) + 1;

    s->in += 4;
    if (control >= 0xc0)
        s->have_properties = set_properties(d, *s->in++);
    if (!s->have_properties)
        return false;
    if (control >= 0xa0)
        reset_state(d);
    if (packed < 5 || packed + LZMA2_TAIL > (size_t)(s->in_end - s->in) ||
        n > (size_t)(s->out_end - s->out) ||
        !unpack_chunk(d, s->in, s->in + packed, s->base, s->out, s->out + n))
        return false;
    s->in += packed;
    s->out += n;
    return true;
}

bool lzma2_unpack(const uint8_t *in, size_t len, size_t *ret_used, uint8_t *out, size_t room,
                  size_t *ret_len)
{
    g_autofree struct decoder *d = g_new(struct decoder, 1);
    struct stream s = {in, in + len, out, out + room, NULL, false};

    reset_state(d);
    while ((size_t)(s.in_end - s.in) > LZMA2_TAIL) {
        unsigned control = *s.in++;

        if (control == 0) {
            *ret_used = (size_t)(s.in - in);
            *ret_len = (size_t)(s.out - out);
            return true;
        }
        if (control == 1 || control >= 0xe0) {
            s.base = s.out;
            s.have_properties = false;
        }
        if (!s.base || (control > 2 && control < 0x80) ||
            !(control < 0x80 ? unpack_stored(&s) : unpack_packed(&s, d, control)))
            return false;
    }
    return false;
}
