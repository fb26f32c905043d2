#include "xenguest/mkimage/operations.h"

#include "xenguest/lib/sign.h"
#include "xenguest/mkimage/crypt.h"
#include "xenguest/mkimage/options.h"
#include "xenguest/mkimage/password.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct operation {
    const char *name, *args;
    unsigned nr_args; /* before the options */
    enum { NO_MORE, OPTIONS, MORE_ARGS } more;
    bool (*run)(char **args, GError **error);
    const char *help;
};

static bool wrong(GError **error, const char *name, const char *what)
{
    g_autofree char *safe = xg_printable(name);

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: %s", safe, what);
    return false;
}

/* What the library says of a member, with the image's name before it. */
static bool of_image(const char *path, bool ok, GError **error)
{
    g_autofree char *safe = xg_printable(path);

    if (!ok)
        g_prefix_error(error, "%s: ", safe);
    return ok;
}

static bool apply_all(struct edit *e, char **options, GError **error)
{
    for (; *options; options++) {
        if (!option_apply(e, *options, error))
            return false;
    }
    return edit_finish(e, error);
}

static void warn(const char *path, const char *what)
{
    g_autofree char *safe = xg_printable(path);

    fprintf(stderr, "xenguest-mkimage: warning: %s: %s\n", safe, what);
}

/* What the next steps may still bring is not an error yet. */
static void warn_unless_whole(struct xg_image *img, const char *path)
{
    g_autoptr(GError) error = NULL;

    if (!xg_image_check(img, &error))
        warn(path, error->message);
}

/* create and pack replace an image, or an empty file, but nothing else. */
static bool may_replace(const char *path, GError **error)
{
    struct stat st;

    if (lstat(path, &st) < 0 || (S_ISREG(st.st_mode) && !st.st_size))
        return true;
    struct xg_image *old = xg_image_open(path, NULL);
    bool ok = old && !xg_image_is_dir(old) && xg_image_has(old, XG_GUEST);
    xg_image_free(old);
    return ok || wrong(error, path, "it is there and is not a xenguest image");
}

static bool save(struct xg_image *img, const char *path, GError **error)
{
    return (xg_image_is_dir(img) ? xg_image_save_dir : xg_image_save_file)(img, path, error);
}

static bool create(char **args, GError **error)
{
    struct edit e = {.img = xg_image_new()};
    bool dir = g_file_test(args[0], G_FILE_TEST_IS_DIR);
    bool ok = (dir || may_replace(args[0], error)) && edit_create(&e, error) &&
              apply_all(&e, args + 1, error);

    if (ok)
        warn_unless_whole(e.img, args[0]);
    ok = ok && (dir ? xg_image_save_dir : xg_image_save_file)(e.img, args[0], error);
    edit_clear(&e);
    return ok;
}

static bool update(char **args, GError **error)
{
    struct edit e = {.img = xg_image_open(args[0], error)};
    bool ok = e.img && apply_all(&e, args + 1, error);

    if (ok && xg_image_remove(e.img, XG_SIGNATURE))
        warn(args[0], "it is no longer signed");
    if (ok)
        warn_unless_whole(e.img, args[0]);
    ok = ok && save(e.img, args[0], error);
    edit_clear(&e);
    return ok;
}

static bool partial(char **args, GError **error)
{
    struct edit e = {.partial = true};
    bool there = g_file_test(args[0], G_FILE_TEST_EXISTS);
    bool ok;

    if (there && !g_file_test(args[0], G_FILE_TEST_IS_DIR))
        return wrong(error, args[0], "it is not a directory");
    e.img = there ? xg_image_open(args[0], error) : xg_image_new();
    ok = e.img && apply_all(&e, args + 1, error) && xg_image_save_dir(e.img, args[0], error);
    edit_clear(&e);
    return ok;
}

static struct xg_image *open_checked(const char *path, GError **error)
{
    AUTO(xg_image) img = xg_image_open(path, error);

    if (!img)
        return NULL;
    return of_image(path, xg_image_check(img, error), error) ? g_steal_pointer(&img) : NULL;
}

static bool check(char **args, GError **error)
{
    AUTO(xg_image) img = open_checked(args[0], error);

    return img != NULL;
}

static bool pack(char **args, GError **error)
{
    AUTO(xg_image) img = open_checked(args[0], error);

    if (!img)
        return false;
    if (!xg_image_is_dir(img))
        return wrong(error, args[0], "it is not a directory");
    return may_replace(args[1], error) && xg_image_save_file(img, args[1], error);
}

static bool extract(char **args, GError **error)
{
    AUTO(xg_image) img = xg_image_open(args[0], error);

    return img && xg_image_save_dir(img, args[1], error);
}

static bool extract_config(char **args, GError **error)
{
    AUTO(xg_image) img = xg_image_open(args[0], error);

    if (!img)
        return false;
    xg_image_remove(img, "disk");
    xg_image_remove(img, "disk-files");
    return xg_image_save_dir(img, args[1], error);
}

static bool extract_disk_file(char **args, GError **error)
{
    AUTO(xg_image) img = xg_image_open(args[0], error);
    g_autofree char *name = img ? xg_image_disk_file(img, args[1]) : NULL;

    if (!img)
        return false;
    if (!name) {
        g_autofree char *what = g_strdup_printf("there is no disk/%s", args[1]);
        return wrong(error, args[0], what);
    }
    return of_image(args[0], xg_image_copy(img, name, STDOUT_FILENO, error), error);
}

/* Text that is not from us goes to stdout as it is. */
static bool out(const char *text, size_t len, GError **error)
{
    if (fwrite(text, 1, len, stdout) == len && !fflush(stdout))
        return true;
    return wrong(error, "stdout", "could not write to it");
}

static bool dump_xenconfig(char **args, GError **error)
{
    AUTO(xg_image) img = xg_image_open(args[0], error);
    g_autofree char *text = img ? xg_image_merged_config(img, error) : NULL;

    return img && of_image(args[0], text != NULL, error) && out(text, strlen(text), error);
}

static bool dump(const char *path, const char *member, GError **error)
{
    AUTO(xg_image) img = xg_image_open(path, error);
    size_t len;
    g_autofree char *text = img ? xg_image_read(img, member, &len, error) : NULL;

    return img && of_image(path, text != NULL, error) && out(text, len, error);
}

static bool dump_diskconfig(char **args, GError **error)
{
    return dump(args[0], XG_DISK, error);
}

static bool dump_paramsconfig(char **args, GError **error)
{
    return dump(args[0], XG_PARAMS, error);
}

static bool dump_script(struct xg_image *img, const char *name, GError **error)
{
    size_t len;
    g_autofree char *text = xg_image_read(img, name, &len, error);
    g_autofree char *head = g_strdup_printf("### %s\n", name);

    return text && out(head, strlen(head), error) && out(text, len, error) &&
           (!len || text[len - 1] == '\n' || out("\n", 1, error));
}

static bool dump_init(char **args, GError **error)
{
    static const char *const dirs[] = {"init.pre", "init.d", "init.post"};
    AUTO(xg_image) img = xg_image_open(args[0], error);

    for (unsigned i = 0; img && i < G_N_ELEMENTS(dirs); i++) {
        g_auto(GStrv) scripts = xg_image_list(img, dirs[i]);
        for (char **s = scripts; *s; s++) {
            if (!of_image(args[0], dump_script(img, *s, error), error))
                return false;
        }
    }
    return img != NULL;
}

static bool sign(char **args, GError **error)
{
    AUTO(xg_image) img = open_checked(args[0], error);

    return img && xg_sign(img, args[1], password_ask, error) && save(img, args[0], error);
}

static bool verify(char **args, GError **error)
{
    AUTO(xg_image) img = xg_image_open(args[0], error);
    g_autofree char *comment = NULL;

    if (!img || !of_image(args[0], xg_verify(img, args[1], &comment, error), error))
        return false;
    g_autofree char *line = g_strdup_printf("%s: signed, %s\n", args[0],
                                            g_strdelimit(comment, "\t", ' '));
    return out(line, strlen(line), error);
}

/* Not over anything that is there: it would be somebody's only copy. */
static bool is_new(const char *path, GError **error)
{
    struct stat st;

    return lstat(path, &st) < 0 || wrong(error, path, "it is there already");
}

static bool encrypt(char **args, GError **error)
{
    return is_new(args[1], error) && crypt_encrypt(args[0], args[1], args + 2, error);
}

static bool decrypt(char **args, GError **error)
{
    return is_new(args[1], error) && crypt_decrypt(args[0], args[1], error);
}

static const struct operation operations[] = {
    {"create", "XENGUEST [OPTIONS]", 1, OPTIONS, create,
     "Make a new image: a file, or in an empty directory."},
    {"check", "XENGUEST", 1, NO_MORE, check,
     "Say whether it is a whole image, and what is wrong with it."},
    {"update", "XENGUEST [OPTIONS]", 1, OPTIONS, update, "Change an image."},
    {"pack", "DIR FILE", 2, NO_MORE, pack, "Make an image file of an image directory."},
    {"extract", "FILE DIR", 2, NO_MORE, extract, "Make an image directory of an image file."},
    {"extract-config", "FILE DIR", 2, NO_MORE, extract_config,
     "The same, without the files of the disk."},
    {"extract-disk-file", "FILE NAME", 2, NO_MORE, extract_disk_file,
     "Write a file of the disk to stdout."},
    {"partial", "DIR [OPTIONS]", 1, OPTIONS, partial,
     "Make or change a directory that need not be a whole image."},
    {"sign", "XENGUEST SECRETKEY", 2, NO_MORE, sign, "Sign all members with a key of minisign."},
    {"verify", "XENGUEST PUBLICKEY", 2, NO_MORE, verify,
     "Say whether it is what was signed with that key."},
    {"encrypt", "FILE ENCRYPTED RECIPIENT...", 3, MORE_ARGS, encrypt,
     "Encrypt an image file with gpg's keys."},
    {"decrypt", "ENCRYPTED FILE", 2, NO_MORE, decrypt, "Make it an image file again."},
    {"dump-xenconfig", "XENGUEST", 1, NO_MORE, dump_xenconfig,
     "Print guest.cfg with the parts in guest.d/."},
    {"dump-diskconfig", "XENGUEST", 1, NO_MORE, dump_diskconfig, "Print disk.cfg."},
    {"dump-paramsconfig", "XENGUEST", 1, NO_MORE, dump_paramsconfig, "Print params.cfg."},
    {"dump-init", "XENGUEST", 1, NO_MORE, dump_init,
     "Print the scripts in the order in which they run."},
};

const struct operation *operation_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(operations); i++) {
        if (!strcmp(operations[i].name, name))
            return &operations[i];
    }
    return NULL;
}

bool operation_run(const struct operation *op, char **args, GError **error)
{
    guint n = g_strv_length(args);

    for (guint i = 0; i < op->nr_args && i < n; i++) {
        if (!*args[i] || args[i][0] == '-')
            n = i;
    }
    if (n < op->nr_args || (n > op->nr_args && op->more == NO_MORE)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "usage: xenguest-mkimage %s %s",
                    op->name, op->args);
        return false;
    }
    return op->run(args, error);
}

char *operation_help(const struct operation *op)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "Usage: xenguest-mkimage %s %s\n\n%s\n", op->name, op->args, op->help);
    if (op->more == OPTIONS) {
        g_string_append(text, "\nOptions, applied in the order given; an empty value disables:\n");
        options_help(text);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *operations_help(void)
{
    g_autoptr(GString) text = g_string_new(
        "Usage: xenguest-mkimage OPERATION XENGUEST [OPTIONS]\n\nOperations:\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(operations); i++) {
        const struct operation *op = &operations[i];
        g_autofree char *left = g_strdup_printf("%s %s", op->name, op->args);
        g_string_append_printf(text, "  %-30s %s\n", left, op->help);
    }
    g_string_append(text,
                    "  help                           Print this.\n\n"
                    "xenguest-mkimage OPERATION --help says more. Options of create, update and "
                    "partial:\n");
    options_help(text);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
