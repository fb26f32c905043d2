/*
 * bench-build KERNEL [INITRD [MIB]]: what building a domain costs the host. Prints the CPU time of
 * one build in seconds (user and kernel), of everything up to the guest's first instruction except
 * the start of the vCPU's engine. With XENNER_CACHE_DIR set it uses that cache, as xenner does; without,
 * none.
 */
#include "xenner/build/builder.h"
#include "xenner/build/kernel_cache.h"
#include "xenner/util/huge_tmpfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define LOW_MEMORY (4ull << 20) /* emu's share, roughly: where it ends does not change the work */

static double cpu_time(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 3 ? strtoull(argv[3], NULL, 10) : 256;
    g_autofree char *cache_dir = g_getenv("XENNER_CACHE_DIR") ? kernel_cache_default_dir() : NULL;
    g_autoptr(GError) error = NULL;
    struct dom_image image = {0};
    struct build_params params = {
        .kernel_path = argc > 1 ? argv[1] : "",
        .initrd_path = argc > 2 ? argv[2] : NULL,
        .cache_dir = cache_dir,
        .cmdline = "console=hvc0",
        .nr_pages = mib << 8,
        .first_mfn = {LOW_MEMORY >> 12},
        .store_port = 1,
        .console_port = 2,
        .nr_vcpus = 1,
    };
    double start = cpu_time();
    struct guest_mem *mem = guest_mem_new((mib << 20) + 2 * LOW_MEMORY, MAX(huge_tmpfs_open(), 0), &error);

    if (!mem || !build_domain(mem, &params, &image, &error)) {
        fprintf(stderr, "bench-build: %s\n", error->message);
        return 1;
    }
    printf("%.4f\n", cpu_time() - start);
    dom_image_clear(&image);
    guest_mem_free(mem);
    return 0;
}
