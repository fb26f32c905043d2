#include "xenguest/mkimage/crypt.h"

#include "xenguest/lib/beside.h"
#include "xenguest/lib/image.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gpgme.h>
#include <unistd.h>

static bool wrong(GError **error, const char *path, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path, what);
    return false;
}

static bool check(gpgme_error_t err, const char *path, GError **error)
{
    return !gpgme_err_code(err) || wrong(error, path, gpgme_strerror(err));
}

static bool new_context(gpgme_ctx_t *ret, GError **error)
{
    gpgme_check_version(NULL); /* its initialisation */
    return check(gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP), "gpg", error) &&
           check(gpgme_new(ret), "gpg", error);
}

static void keys_free(gpgme_key_t *keys)
{
    for (gpgme_key_t *k = keys; *k; k++)
        gpgme_key_unref(*k);
    g_free(keys);
}

/* All of recipients, or none. */
static bool find_keys(gpgme_ctx_t ctx, char **recipients, gpgme_key_t *keys, GError **error)
{
    for (; *recipients; recipients++, keys++) {
        gpgme_error_t err = gpgme_get_key(ctx, *recipients, keys, 0);
        if (gpgme_err_code(err) == GPG_ERR_EOF)
            return wrong(error, *recipients, "there is no such key");
        if (!check(err, *recipients, error))
            return false;
        if (!(*keys)->can_encrypt)
            return wrong(error, *recipients, "nothing can be encrypted with that key");
    }
    return true;
}

/* run: what happens between the two files. Streams: an image need not fit the memory. */
static bool with_data(int from, int to, const char *path,
                      gpgme_error_t (*run)(gpgme_ctx_t, gpgme_key_t *, gpgme_data_t, gpgme_data_t),
                      gpgme_ctx_t ctx, gpgme_key_t *keys, GError **error)
{
    gpgme_data_t in = NULL, out = NULL;
    bool ok = check(gpgme_data_new_from_fd(&in, from), path, error) &&
              check(gpgme_data_new_from_fd(&out, to), path, error) &&
              check(run(ctx, keys, in, out), path, error);

    gpgme_data_release(in);
    gpgme_data_release(out);
    return ok;
}

static gpgme_error_t run_encrypt(gpgme_ctx_t ctx, gpgme_key_t *keys, gpgme_data_t in,
                                 gpgme_data_t out)
{
    return gpgme_op_encrypt(ctx, keys, 0, in, out);
}

static gpgme_error_t run_decrypt(gpgme_ctx_t ctx, gpgme_key_t *keys, gpgme_data_t in,
                                 gpgme_data_t out)
{
    return gpgme_op_decrypt(ctx, in, out);
}

static bool open_image(const char *path, GError **error)
{
    AUTO(xg_image) img = xg_image_open(path, error);

    return img && (!xg_image_is_dir(img) || wrong(error, path, "a directory: pack it first"));
}

static bool is_image(int fd, const char *path, GError **error)
{
    g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", fd);
    AUTO(xg_image) img = xg_image_open(name, NULL);

    return img || wrong(error, path, "what is in it is not an image");
}

static int open_file(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        wrong(error, path, g_strerror(errno));
    return fd;
}

static bool convert(const char *from, const char *to, char **recipients, GError **error)
{
    gpgme_key_t *keys = g_new0(gpgme_key_t, recipients ? g_strv_length(recipients) + 1 : 1);
    struct beside b = {.fd = -1, .dirfd = -1};
    gpgme_ctx_t ctx = NULL;
    int fd = open_file(from, error);
    bool ok = fd >= 0 && new_context(&ctx, error) &&
              (!recipients || find_keys(ctx, recipients, keys, error)) &&
              beside_begin(&b, to, false, error) &&
              with_data(fd, b.fd, from, recipients ? run_encrypt : run_decrypt, ctx, keys, error) &&
              (recipients || is_image(b.fd, from, error)) && beside_commit(&b, 0, 0, error);

    beside_clear(&b);
    keys_free(keys);
    if (ctx)
        gpgme_release(ctx);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool crypt_encrypt(const char *from, const char *to, char **recipients, GError **error)
{
    return open_image(from, error) && convert(from, to, recipients, error);
}

bool crypt_decrypt(const char *from, const char *to, GError **error)
{
    return convert(from, to, NULL, error);
}
