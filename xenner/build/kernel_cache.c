#include "xenner/build/kernel_cache.h"
#include "xenner/build/decompress.h"
#include "xenner/util/write_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SYSTEM_DIR "/var/cache/xenner"
#define SUFFIX     ".zst"
/* The quickest that still packs: at 1, zstd packs faster than most disks write. */
#define LEVEL      1

char *kernel_cache_default_dir(void)
{
    const char *dir = g_getenv("XENNER_CACHE_DIR");

    if (dir)
        return *dir ? g_strdup(dir) : NULL;
    if (geteuid() == 0 || access(SYSTEM_DIR, W_OK) == 0)
        return g_strdup(SYSTEM_DIR);
    return g_build_filename(g_get_user_cache_dir(), "xenner", NULL);
}

/* Nobody but root or us can put another file in place of one of ours. */
static int open_dir(const char *dir)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) &&
        ((st.st_mode & S_ISVTX) || !(st.st_mode & (S_IWGRP | S_IWOTH))))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static char *key_of(const uint8_t *packed, size_t len)
{
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, packed, len);

    return g_strdup_printf("%u-%s" SUFFIX, geteuid(), sum);
}

static bool is_ours(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
           !(st.st_mode & (S_IWGRP | S_IWOTH));
}

bool kernel_cache_get(const char *dir, const uint8_t *packed, size_t len, size_t max_out,
                      struct blob *ret, char **ret_key)
{
    g_autofree char *key = key_of(packed, len);
    autoblob file = {0};
    int d = open_dir(dir);
    bool ok = false;

    if (d >= 0) {
        int fd = openat(d, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && is_ours(fd)) {
            ok = blob_read_file(key, fd, "cache", max_out, &file, NULL) &&
                 decompress(file.data, file.len, max_out, ret, NULL);
            if (!ok) /* damaged, as by a power failure */
                unlinkat(d, key, 0);
            else
                futimens(fd, NULL);
        }
        if (fd >= 0)
            close(fd);
        close(d);
    }
    if (ret_key)
        *ret_key = g_steal_pointer(&key);
    return ok;
}

/* Packed, into *ret. */
static bool pack(const struct blob *in, struct blob *ret)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    bool ok = false;

    if (ctx && blob_reserve(ret, ZSTD_compressBound(in->len), NULL)) {
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
        size_t n = ZSTD_compress2(ctx, ret->data, ret->reserved, in->data, in->len);
        ok = !ZSTD_isError(n);
        ret->len = ok ? n : 0;
    }
    ZSTD_freeCCtx(ctx);
    return ok;
}

/* All of this user's but the newest ones. */
static void prune(int dir)
{
    g_autofree char *prefix = g_strdup_printf("%u-", geteuid());

    for (;;) {
        g_autofree char *oldest = NULL;
        struct timespec when = {0};
        unsigned count = 0;
        int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *e;

        while (list && (e = readdir(list))) {
            struct stat st;

            if (!g_str_has_prefix(e->d_name, prefix) || !g_str_has_suffix(e->d_name, SUFFIX) ||
                fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                continue;
            bool older = st.st_mtim.tv_sec != when.tv_sec ? st.st_mtim.tv_sec < when.tv_sec
                                                          : st.st_mtim.tv_nsec < when.tv_nsec;
            if (count++ == 0 || older) {
                g_free(oldest);
                oldest = g_strdup(e->d_name);
                when = st.st_mtim;
            }
        }
        if (list)
            closedir(list);
        if (count <= KERNEL_CACHE_FILES || unlinkat(dir, oldest, 0) < 0)
            return;
    }
}

void kernel_cache_put(const char *dir, const char *key, const struct blob *unpacked)
{
    autoblob packed = {0};

    if (g_mkdir_with_parents(dir, geteuid() == 0 ? 0755 : 0700) < 0)
        return;
    int d = open_dir(dir);
    if (d < 0)
        return;
    /* Without a name until it is whole. It needs no fsync: a file that lost its data does not unpack. */
    int fd = openat(d, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0 && pack(unpacked, &packed) && write_all(fd, packed.data, packed.len)) {
        g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, self, d, key, AT_SYMLINK_FOLLOW) == 0)
            prune(d);
    }
    if (fd >= 0)
        close(fd);
    close(d);
}
