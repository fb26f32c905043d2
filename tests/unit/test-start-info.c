/* start_info.c: both layouts, by the offsets that a guest's compiler uses. */
#include "xenner/build/start_info.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <time.h>

static const struct start_info_values values = {
    .nr_pages = 0x10001,
    .shared_info_maddr = 0x12345000,
    .flags = 8,
    .store_ring = {0x1111},
    .console_ring = {0x2222},
    .store_port = 1,
    .console_port = 2,
    .pt_base = 0xc0500000,
    .nr_pt_frames = 9,
    .mfn_list = 0xc0300000,
    .mod_start = 0xc0200000,
    .mod_bytes = 77,
    .first_p2m_pfn = 5,
    .nr_p2m_frames = 6,
    .cmdline = "console=hvc0",
};

static void writes_64(void **state)
{
    uint64_t page[512] = {0};
    const uint32_t *w = (const uint32_t *)page;

    start_info_write(page, false, &values);
    assert_string_equal((char *)page, "xen-3.0-x86_64");
    assert_int_equal(page[4], 0x10001);
    assert_int_equal(page[5], 0x12345000);
    assert_int_equal(w[12], 8);
    assert_int_equal(page[7], 0x1111);
    assert_int_equal(w[16], 1);
    assert_int_equal(page[9], 0x2222);
    assert_int_equal(w[20], 2);
    assert_int_equal(page[11], 0xc0500000);
    assert_int_equal(page[12], 9);
    assert_int_equal(page[13], 0xc0300000);
    assert_int_equal(page[14], 0xc0200000);
    assert_int_equal(page[15], 77);
    assert_string_equal((char *)page + 128, "console=hvc0");
    assert_int_equal(page[(128 + 1024) / 8], 5);
    assert_int_equal(page[(128 + 1024) / 8 + 1], 6);
    assert_int_equal(page[(128 + 1024) / 8 + 2], 0);
}

static void writes_32(void **state)
{
    uint32_t page[1024] = {0};

    start_info_write(page, true, &values);
    assert_string_equal((char *)page, "xen-3.0-x86_32p");
    assert_int_equal(page[8], 0x10001);
    assert_int_equal(page[9], 0x12345000);
    assert_int_equal(page[10], 8);
    assert_int_equal(page[11], 0x1111);
    assert_int_equal(page[12], 1);
    assert_int_equal(page[13], 0x2222);
    assert_int_equal(page[14], 2);
    assert_int_equal(page[15], 0xc0500000);
    assert_int_equal(page[16], 9);
    assert_int_equal(page[17], 0xc0300000);
    assert_int_equal(page[18], 0xc0200000);
    assert_int_equal(page[19], 77);
    assert_string_equal((char *)(page + 20), "console=hvc0");
    assert_int_equal(page[20 + 256], 5);
    assert_int_equal(page[20 + 257], 6);
    assert_int_equal(page[20 + 258], 0);
}

static void bounds_the_command_line(void **state)
{
    char line[1025];
    g_autoptr(GError) error = NULL;
    uint64_t page[512] = {0};
    struct start_info_values v = values;

    memset(line, 'x', 1024);
    line[1024] = '\0';
    assert_true(start_info_check(NULL, NULL));
    assert_false(start_info_check(line, &error));
    assert_string_equal(error->message,
                        "the kernel command line has 1024 bytes, a PV guest can get 1023");
    line[1023] = '\0';
    assert_true(start_info_check(line, NULL));
    v.cmdline = line;
    start_info_write(page, false, &v);
    assert_string_equal((char *)page + 128, line);
    v.cmdline = NULL;
    start_info_write(page, false, &v);
    assert_string_equal((char *)page + 128, "");
}

/* words: the size of the guest's long; the offsets are those of public/xen.h for that size. */
static void check_shared_info(const uint8_t *page, bool is32)
{
    size_t pending = 32 * 64, bits = is32 ? 128 : 512, wc = pending + 2 * bits;
    uint32_t clock[4], hi;
    time_t now = time(NULL);

    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(page[i * 64], 0);
        assert_int_equal(page[i * 64 + 1], 1);
    }
    for (size_t i = 0; i < bits; i++) {
        assert_int_equal(page[pending + i], 0);
        assert_int_equal(page[pending + bits + i], 0); /* ports begin unmasked */
    }
    memcpy(clock, page + wc, sizeof(clock));
    assert_int_equal(clock[0] & 1, 0);
    /* arch's wc_sec_hi is the last of seven words on 32 bits */
    memcpy(&hi, page + (is32 ? wc + 12 + 24 : wc + 12), sizeof(hi));
    assert_in_range(clock[1] | (uint64_t)hi << 32, (uint64_t)now - 5, (uint64_t)now);
    assert_in_range(clock[2], 0, 999999999);
}

static void makes_shared_info(void **state)
{
    uint64_t page[512];

    for (int is32 = 0; is32 < 2; is32++) {
        memset(page, 0x5a, sizeof(page));
        shared_info_init(page, is32);
        check_shared_info((const uint8_t *)page, is32);
        assert_int_equal(page[511], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_64),
        cmocka_unit_test(writes_32),
        cmocka_unit_test(bounds_the_command_line),
        cmocka_unit_test(makes_shared_info),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
