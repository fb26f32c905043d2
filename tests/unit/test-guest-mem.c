/* util/guest_mem.c, frames.h: what is RAM, what is the hole, what is neither. */
#include "xenner/util/guest_mem.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct guest_mem *make(uint64_t bytes)
{
    g_autoptr(GError) error = NULL;
    struct guest_mem *mem = guest_mem_new(bytes, 0, &error);

    if (!mem)
        fail_msg("%s", error->message);
    return mem;
}

/* Nothing of it is touched, so sizes do not matter. */
static void sizes(void **state)
{
    static const struct {
        uint64_t bytes, rounded, end;
    } cases[] = {
        {1, 2 * MIB, 2 * MIB},
        {2 * MIB, 2 * MIB, 2 * MIB},
        {2 * MIB + 1, 4 * MIB, 4 * MIB},
        {3 * GIB - 1, 3 * GIB, 3 * GIB},
        {3 * GIB, 3 * GIB, 3 * GIB},
        {3 * GIB + 1, 3 * GIB + 2 * MIB, 4 * GIB + 2 * MIB},
        {5 * GIB, 5 * GIB, 6 * GIB},
        {64 * GIB, 64 * GIB, 65 * GIB},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct guest_mem *mem = make(cases[i].bytes);
        struct guest_range r[2];
        uint64_t sum = 0, at = 0;
        unsigned n = guest_mem_ranges(mem, r);

        assert_true(guest_mem_bytes(mem) == cases[i].rounded);
        assert_true(guest_mem_end_mfn(mem) == cases[i].end >> FRAME_SHIFT);
        assert_int_equal(n, cases[i].rounded > 3 * GIB ? 2 : 1);
        for (unsigned k = 0; k < n; k++) {
            assert_true(r[k].offset == sum);
            assert_true(r[k].gpa >= at);
            sum += r[k].bytes;
            at = r[k].gpa + r[k].bytes;
            assert_true(r[k].gpa >= GUEST_MEM_HOLE_END || at <= GUEST_MEM_HOLE_START);
        }
        assert_true(sum == cases[i].rounded);
        guest_mem_free(mem);
    }
    guest_mem_free(NULL);
}

static void pointers(void **state)
{
    static const struct {
        uint64_t gpa, len;
        bool valid;
    } cases[] = {
        {0, 1, true},
        {0, 0, true},
        {0, 3 * GIB, true},
        {0, 3 * GIB + 1, false},
        {3 * GIB - 1, 1, true},
        {3 * GIB - 1, 2, false},
        {3 * GIB, 0, false},
        {3 * GIB, 1, false},
        {4 * GIB - 1, 1, false},
        {4 * GIB - 1, 2, false},
        {4 * GIB, 1, true},
        {4 * GIB, 1 * GIB, true},
        {4 * GIB, 1 * GIB + 1, false},
        {5 * GIB - 1, 1, true},
        {5 * GIB, 0, false},
        {5 * GIB, 1, false},
        {0, UINT64_MAX, false},
        {1, UINT64_MAX, false},
        {UINT64_MAX, 1, false},
        {UINT64_MAX, UINT64_MAX, false},
        {4 * GIB, UINT64_MAX - 4 * GIB + 1, false},
        {4 * GIB, UINT64_MAX, false},
    };
    struct guest_mem *mem = make(4 * GIB);
    uint8_t *base = guest_ptr(mem, 0, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t *p = guest_ptr(mem, cases[i].gpa, cases[i].len);
        uint64_t hole = cases[i].gpa >= 4 * GIB ? 1 * GIB : 0;

        if ((p != NULL) != cases[i].valid)
            fail_msg("case %zu: %p", i, (void *)p);
        if (p)
            assert_ptr_equal(p, base + (cases[i].gpa - hole));
    }
    guest_mem_free(mem);
}

static void frames(void **state)
{
    static const struct {
        uint64_t frame;
        bool valid;
    } cases[] = {
        {0, true},           {0xbffff, true},          {0xc0000, false},
        {0xfffff, false},    {0x100000, true},         {0x1001ff, true},
        {0x100200, false},   {UINT64_MAX, false},      {UINT64_MAX >> 12, false},
        {(UINT64_MAX >> 12) - 1, false}, {1ull << 52, false},
        {(1ull << 52) + 5, false}, /* would be frame 5 after the shift */
    };
    struct guest_mem *mem = make(3 * GIB + 2 * MIB);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if ((guest_frame(mem, mfn(cases[i].frame)) != NULL) != cases[i].valid)
            fail_msg("frame 0x%" G_GINT64_MODIFIER "x", cases[i].frame);
    }
    guest_mem_free(mem);
    assert_int_equal(frames_up(0), 0);
    assert_int_equal(frames_up(1), 1);
    assert_int_equal(frames_up(4096), 1);
    assert_int_equal(frames_up(4097), 2);
    assert_true(frames_up(UINT64_MAX) == 1ull << 52);
    assert_true(gpa_to_mfn(0x12345678).v == 0x12345);
    assert_true(mfn_to_gpa(mfn(0x12345)) == 0x12345000);
}

/* Whoever maps the descriptor sees the same bytes, on both sides of the hole. */
static void shared(void **state)
{
    struct guest_mem *mem = make(3 * GIB + 2 * MIB);
    char text[6] = {0};

    assert_int_equal(fcntl(guest_mem_fd(mem), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    memcpy(guest_ptr(mem, 0x1000, 5), "below", 5);
    memcpy(guest_ptr(mem, GUEST_MEM_HOLE_END + 0x1000, 5), "above", 5);
    assert_int_equal(pread(guest_mem_fd(mem), text, 5, 0x1000), 5);
    assert_string_equal(text, "below");
    assert_int_equal(pread(guest_mem_fd(mem), text, 5, (off_t)(3 * GIB + 0x1000)), 5);
    assert_string_equal(text, "above");
    assert_int_equal(*(char *)guest_ptr(mem, 0x2000, 1), 0);
    guest_mem_free(mem);
}

static void too_much(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(guest_mem_new(1ull << 62, 0, &error));
    assert_true(g_str_has_prefix(error->message, "could not allocate 4398046511104 MiB of guest "
                                                 "memory: "));
    assert_null(guest_mem_new(1ull << 62, 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),  cmocka_unit_test(pointers), cmocka_unit_test(frames),
        cmocka_unit_test(shared), cmocka_unit_test(too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
