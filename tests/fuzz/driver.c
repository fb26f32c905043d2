/*
 * main() for fuzz targets without libFuzzer: the seeds, then mutations of them. All is decided by
 * the round's number, so a failure comes again. What was being run when the process dies is saved.
 *
 *     fuzz-X [-rounds=N] [-first=N]   N mutations, from the given round on
 */
#include "fuzz.h"

#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 20 };

/* For the handler of a death, which has no other way to know. */
static struct {
    const uint8_t *data;
    size_t len;
    unsigned long round;
    char file[256];
} now;

static void save_input(void)
{
    FILE *f = fopen(now.file, "wb");

    if (f && fwrite(now.data, 1, now.len, f) == now.len && fclose(f) == 0)
        fprintf(stderr, "round %lu: the input is in %s\n", now.round, now.file);
}

static void on_abort(int number)
{
    save_input();
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
}

/* Bytes in a block of their own size, so that the sanitizer sees every step over their end. */
static void run(const void *data, size_t len)
{
    uint8_t *exact = malloc(len); /* GLib's is NULL for none */

    if (len)
        memcpy(exact, data, len);
    now.data = exact;
    now.len = len;
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void overwrite_number(GByteArray *a, uint64_t *rnd)
{
    static const uint64_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
                                   0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                   0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
                                   UINT64_MAX - 0xfff};
    size_t bytes = (size_t)1 << next(rnd) % 4, at = next(rnd) % a->len;
    uint64_t number = odd[next(rnd) % G_N_ELEMENTS(odd)] + (next(rnd) % 4 ? 0 : next(rnd) % 3 - 1);

    memcpy(a->data + at, &number, MIN(bytes, a->len - at));
}

static void copy_part(GByteArray *a, const GByteArray *from, uint64_t *rnd)
{
    size_t start = next(rnd) % from->len, n = 1 + next(rnd) % (from->len - start);
    g_autofree uint8_t *part = g_memdup2(from->data + start, n);
    size_t at = next(rnd) % (a->len + 1);

    if (a->len + n > LARGEST)
        return;
    g_byte_array_set_size(a, (guint)(a->len + n));
    memmove(a->data + at + n, a->data + at, a->len - n - at);
    memcpy(a->data + at, part, n);
}

static void mutate_once(GByteArray *a, const GByteArray *other, uint64_t *rnd)
{
    size_t at = a->len ? next(rnd) % a->len : 0;

    switch (a->len ? next(rnd) % 8 : 5) {
    case 0:
    case 1:
        a->data[at] ^= (uint8_t)(1 << next(rnd) % 8);
        break;
    case 2:
        a->data[at] = (uint8_t)next(rnd);
        break;
    case 3:
        overwrite_number(a, rnd);
        break;
    case 4:
        g_byte_array_remove_range(a, (guint)at, (guint)(1 + next(rnd) % MIN(16, a->len - at)));
        break;
    case 5:
        if (other->len)
            copy_part(a, other, rnd);
        break;
    case 6:
        copy_part(a, a, rnd);
        break;
    case 7:
        if (next(rnd) % 4 == 0)
            g_byte_array_set_size(a, (guint)at);
        else
            a->data[at] = a->data[next(rnd) % a->len];
        break;
    }
}

static void run_mutation(GPtrArray *seeds, unsigned long round)
{
    uint64_t rnd = round * 2654435761u + 1;
    const GByteArray *from = g_ptr_array_index(seeds, next(&rnd) % seeds->len);
    const GByteArray *other = g_ptr_array_index(seeds, next(&rnd) % seeds->len);
    g_autoptr(GByteArray) a = g_byte_array_new();

    g_byte_array_append(a, from->data, from->len);
    for (unsigned n = 1 + next(&rnd) % 6; n; n--)
        mutate_once(a, other, &rnd);
    now.round = round;
    run(a->data, a->len);
}

static void add_seed(void *opaque, const char *name, const void *data, size_t len)
{
    GByteArray *a = g_byte_array_new();

    g_byte_array_append(a, data, (guint)len);
    g_ptr_array_add(opaque, a);
}

static int run_file(const char *path)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    run(data, len);
    return 0;
}

int main(int argc, char *argv[])
{
    g_autoptr(GPtrArray) seeds = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    unsigned long rounds = 1000, first = 0;
    bool files = false;
    int status = 0;

    LLVMFuzzerInitialize(&argc, &argv);
    const char *slash = strrchr(argv[0], '/');
    snprintf(now.file, sizeof(now.file), "crash-%s", slash ? slash + 1 : argv[0]);
    __sanitizer_set_death_callback(save_input);
    signal(SIGABRT, on_abort);
    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "-rounds=%lu", &rounds) == 1 ||
            sscanf(argv[i], "-first=%lu", &first) == 1)
            continue;
        files = true;
        status |= run_file(argv[i]);
    }
    if (files)
        return status;
    fuzz_seeds(add_seed, seeds);
    for (guint i = 0; i < seeds->len; i++) {
        const GByteArray *seed = g_ptr_array_index(seeds, i);
        run(seed->data, seed->len);
    }
    for (unsigned long round = first; round < first + rounds; round++)
        run_mutation(seeds, round);
    printf("%u seeds, %lu mutations\n", seeds->len, rounds);
    return 0;
}
