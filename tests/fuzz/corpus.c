/* -make_corpus=DIR for all targets, whoever has main(). */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static void save(void *opaque, const char *name, const void *data, size_t len)
{
    g_autofree char *path = g_build_filename(opaque, name, NULL);

    if (!g_file_set_contents(path, data, (gssize)len, NULL))
        exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc == 2 && g_str_has_prefix((*argv)[1], "-make_corpus=")) {
        char *dir = strchr((*argv)[1], '=') + 1;
        g_mkdir(dir, 0777);
        fuzz_seeds(save, dir);
        exit(0);
    }
    return 0;
}
