/*
 * Any bytes as a xenguest image: refused with one line, or its members are what libarchive reads
 * from it, they stay inside, and what is written of it is the same image again.
 */
#include "fuzz.h"

#include "../unit/tar_maker.h"

#include "xenguest/lib/image_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const void *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

static struct xg_image *open_fd(int fd, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    return xg_image_open(path, error);
}

static void check_error(const GError *error)
{
    if (!error || !*error->message || !g_utf8_validate(error->message, -1, NULL) ||
        strpbrk(error->message, "\n\x1b"))
        abort();
}

static void check_member(const struct xg_member *m, void *opaque)
{
    g_auto(GStrv) parts = g_strsplit(m->name, "/", -1);

    if (m->mode & ~0777u)
        abort();
    for (char **p = parts; *p; p++) {
        if (!**p || !strcmp(*p, ".") || !strcmp(*p, ".."))
            abort();
    }
    struct xg_image *img = opaque;
    size_t len = 0;
    g_autofree char *text = m->type == XG_FILE ? xg_image_read(img, m->name, &len, NULL) : NULL;
    if (m->type == XG_FILE && m->size <= XG_CONFIG_MAX && (!text || len != m->size))
        abort();
}

/* What libarchive takes for the bodies, read by its own means. */
static void compare_bodies(struct xg_image *img, const void *data, size_t size)
{
    struct archive *a = archive_read_new();
    struct archive_entry *ae;

    archive_read_support_format_tar(a);
    if (archive_read_open_memory(a, data, size) != ARCHIVE_OK)
        abort();
    while (archive_read_next_header(a, &ae) == ARCHIVE_OK) {
        const char *raw = archive_entry_pathname(ae);
        g_autofree char *name = NULL;
        if (!raw || archive_entry_filetype(ae) != AE_IFREG)
            continue;
        if (!xg_name_normalise(raw, &name, NULL))
            abort();
        size_t len = 0;
        g_autofree char *ours = xg_image_read(img, name, &len, NULL);
        g_autofree char *theirs = g_malloc(len + 1);
        if (!ours || archive_read_data(a, theirs, len + 1) != (la_ssize_t)len ||
            memcmp(ours, theirs, len))
            abort();
    }
    archive_read_free(a);
}

static void collect(const struct xg_member *m, void *opaque)
{
    g_string_append_printf(opaque, "%s %d %o %" G_GUINT64_FORMAT "\n", m->name, m->type, m->mode,
                           m->size);
}

static void write_again(struct xg_image *img)
{
    g_autoptr(GString) before = g_string_new(NULL), after = g_string_new(NULL);
    int fd = memfd_create("copy", MFD_CLOEXEC);

    if (xg_image_has(img, "params.cfg"))
        xg_image_remove(img, "params.cfg");
    xg_image_set_data(img, "init.d/new", "x", 1, 0755, NULL);
    if (!xg_index_check(img, NULL)) {
        close(fd);
        return;
    }
    xg_image_foreach(img, collect, before);
    if (!xg_tar_write(img, fd, NULL))
        abort();
    AUTO(xg_image) again = open_fd(fd, NULL);
    if (!again)
        abort();
    xg_image_foreach(again, collect, after);
    if (strcmp(before->str, after->str))
        abort();
    close(fd);
}

static void run(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    int fd = file_of(data, size);
    AUTO(xg_image) img = open_fd(fd, &error);

    if (!img) {
        check_error(error);
    } else {
        xg_image_foreach(img, check_member, img);
        compare_bodies(img, data, size);
        if (!xg_image_check(img, &error))
            check_error(error);
        write_again(img);
    }
    close(fd);
}

/*
 * A header's checksum does not survive a mutation: made right, what is in the header gets further.
 */
static void mend(uint8_t *data, size_t size)
{
    for (uint8_t *h = data; size >= 512; h += 512, size -= 512) {
        char number[8];
        unsigned sum = 0;

        if (memcmp(h + 257, "ustar", 5))
            continue;
        memset(h + 148, ' ', 8);
        for (unsigned i = 0; i < 512; i++)
            sum += h[i];
        g_snprintf(number, sizeof(number), "%06o", sum);
        memcpy(h + 148, number, 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree uint8_t *mended = g_memdup2(data, size);

    run(data, size);
    mend(mended, size);
    run(mended, size);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    g_autoptr(GString) tar = g_string_new(NULL);

    tar_image(tar);
    add(opaque, "image", tar->str, tar->len);
    g_string_truncate(tar, 0);
    tar_file(tar, "./guest.cfg", "memory = 1\n");
    tar_pax(tar, "path", "files/gr\xc3\xbc\xc3\x9f");
    tar_file(tar, "./x", "body");
    tar_pax(tar, "size", "000000000004");
    tar_file(tar, "./y", "body");
    tar_end(tar);
    add(opaque, "pax", tar->str, tar->len);
    g_string_truncate(tar, 0);
    tar_pax(tar, "GNU.sparse.realsize", "4");
    tar_pax(tar, "GNU.sparse.major", "1");
    tar_file(tar, "./GNUSparseFile.0/s", "1\n0\n4\n");
    tar_header(tar, "./h", '1', "s", 0);
    tar_header(tar, "././@LongLink", 'L', "", 5);
    tar_file(tar, "./l", "long");
    tar_end(tar);
    add(opaque, "gnu", tar->str, tar->len);
}
