/*
 * Any bytes as params.cfg, disk.cfg and guest.cfg: refused with one line, or every edit leaves what
 * can be read; and as a signature, which is never right.
 */
#include "fuzz.h"

#include "xenguest/lib/diskcfg.h"
#include "xenguest/lib/minisign.h"
#include "xenguest/lib/xlcfg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_error(const GError *error)
{
    if (!error || !*error->message || !g_utf8_validate(error->message, -1, NULL) ||
        strchr(error->message, '\n'))
        abort();
}

static void assignments(const char *text, size_t size)
{
    g_autoptr(GError) error = NULL, disk_error = NULL;
    AUTO(assign) a = assign_parse(text, size, "f", &error);
    struct diskcfg cfg;

    if (!a) {
        check_error(error);
        return;
    }
    g_auto(GStrv) names = assign_names(a);
    if (!diskcfg_read(a, &cfg, &disk_error))
        check_error(disk_error);
    diskcfg_clear(&cfg);
    for (char **n = names; *n; n++) {
        g_autofree char *old = g_strdup(assign_get(a, *n));
        assign_set(a, *n, "\"$(x)\\");
        if (strcmp(assign_get(a, *n), "\"$(x)\\"))
            abort();
        assign_set(a, *n, old);
        if (strcmp(assign_get(a, *n), old) || (n[1] && !assign_unset(a, *n)))
            abort();
    }
}

static void settings(const char *text, size_t size)
{
    g_autoptr(GError) error = NULL;
    AUTO(xlcfg) cfg = xlcfg_parse(text, size, "f", &error);
    AUTO(xlcfg) other = cfg ? xlcfg_parse(text, size, "f", NULL) : NULL;

    if (!cfg) {
        check_error(error);
        return;
    }
    g_auto(GStrv) names = xlcfg_names(cfg);
    for (char **n = names; *n; n++) {
        const char *s = NULL;
        xlcfg_set_string(cfg, *n, "'\"\\\n");
        if (!xlcfg_get_string(cfg, *n, &s, NULL) || strcmp(s, "'\"\\\n"))
            abort();
        xlcfg_disable(cfg, *n);
        if (xlcfg_get(cfg, *n))
            abort();
        xlcfg_set_number(cfg, *n, 5);
        if (xlcfg_get(cfg, *n)->number != 5)
            abort();
        xlcfg_disable(other, *n);
    }
    g_auto(GStrv) left = xlcfg_names(other);
    if (*left || !xlcfg_append(other, text, size, "g", NULL))
        abort();
}

static const char key[] = "untrusted comment: of the seed below\n"
                          "RWRg60hb32TsrIchlJMPVdpB7TECpNE1bdaqK+MIJ7jabJtMgcI2eSlq\n";

static void signatures(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *comment = NULL;
    int fd = memfd_create("key", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    if (write(fd, key, strlen(key)) != (ssize_t)strlen(key) ||
        minisign_verify("other", 5, text, path, &comment, &error) || comment)
        abort();
    check_error(error);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size); /* a NUL behind it, as files get */

    memcpy(text, data, size);
    assignments(text, size);
    settings(text, size);
    signatures(text);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const seeds[] = {
        "# c\nGUEST_AUTOBOOT=\"1\"\nexport A='b c' # d\nB=\"\\$x\";\n",
        "DISK_SIZE=\"2\"\nDISK_DEVICE=/dev/"
        "sdb\nDISK_PART1=500M:ext4:r.tar.xz\nDISK_PART2=1G:swap:\n",
        "name = \"x\"\n# kernel = \"\"\nmemory = 0x40; vcpus=2 # c\nvif = [ 'a', # b\n [\"c\", 1], "
        "]\n",
        "a='x'\na+=\"\\x41\\102\\n\"\nl=[]\nl+=[1]\n",
        "a=1;a=2;b=3\r\n#a=''\n",
        "untrusted comment: a signature\n"
        "RURg60hb32TsrAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAA=\n"
        "trusted comment: timestamp:1\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
        "\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(seeds); i++) {
        g_autofree char *name = g_strdup_printf("seed%zu", i);
        add(opaque, name, seeds[i], strlen(seeds[i]));
    }
}
