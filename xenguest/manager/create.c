/*
 * Making and removing guests.
 *
 * A guest is made in GUESTS/.new-NAME: first the state file, which says what will be made
 * elsewhere, then the disk, then ".new-NAME/guest", whose rename to NAME is the moment from which
 * the guest is there. Its removal begins with the rename to .gone-NAME. Who finds one of these
 * directories without its maker's lock undoes what its state file says.
 */
#include "xenguest/lib/sign.h"
#include "xenguest/manager/guest.h"
#include "xenguest/manager/say.h"
#include "xenguest/manager/stage.h"
#include "xenner/util/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW  ".new-"
#define GONE ".gone-"

static bool failed(GError **error, const char *what, const char *path)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not %s '%s': %s", what,
                path, g_strerror(errno));
    return false;
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Who makes or removes a guest holds this lock; -1: somebody does. A file, as who saves an image
 * locks the directory that it goes to.
 */
static int lock_maker(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "xenguest.lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The lock of all guests is only held while directories get and lose their names. */
static int lock_guests(const struct settings *s, GError **error)
{
    int fd;

    if (g_mkdir_with_parents(s->guests, 0755) == 0 && (fd = open_dir(s->guests)) >= 0) {
        if (flock(fd, LOCK_EX) == 0)
            return fd;
        close(fd);
    }
    failed(error, "use", s->guests);
    return -1;
}

/* Has the guest that is there this volume? Then its making was only interrupted after the end. */
static bool is_used(const struct settings *s, const char *name, const char *volume)
{
    AUTO(guest) g = guest_open(s, name, NULL);

    return g && g_strcmp0(g->volume, volume) == 0;
}

/* What a state file says is undone, then the directory goes; it stays for a later try if that
 * fails. */
static bool undo(const struct settings *s, const char *dir, const char *name, GError **error)
{
    g_autofree char *volume = NULL;

    /* without a state file nothing was made elsewhere */
    if (guest_read_state(dir, &volume, NULL) && volume && !is_used(s, name, volume) &&
        !volume_remove(volume, error))
        return false;
    return remove_tree(AT_FDCWD, dir) == 0 || failed(error, "remove", dir);
}

static void sweep_one(const struct settings *s, const char *entry, const char *name)
{
    g_autofree char *dir = g_build_filename(s->guests, entry, NULL);
    g_autoptr(GError) error = NULL;
    int fd = lock_maker(dir);

    if (fd >= 0) {
        say(SAY_VERBOSE, "removing what an interrupted manager left of '%s'", name);
        if (!undo(s, dir, name, &error))
            say(SAY_WARNING, "%s", error->message);
        close(fd);
    }
}

/* With the lock of all guests. */
static void sweep(const struct settings *s)
{
    g_autoptr(GDir) dir = g_dir_open(s->guests, 0, NULL);

    for (const char *entry; dir && (entry = g_dir_read_name(dir));) {
        if (g_str_has_prefix(entry, NEW))
            sweep_one(s, entry, entry + strlen(NEW));
        else if (g_str_has_prefix(entry, GONE))
            sweep_one(s, entry, entry + strlen(GONE));
    }
}

void guest_sweep(const struct settings *s)
{
    if (!g_file_test(s->guests, G_FILE_TEST_IS_DIR))
        return;
    int fd = lock_guests(s, NULL);
    if (fd < 0)
        return;
    sweep(s);
    close(fd);
}

/* With the lock of all guests. */
static bool make_stage(struct stage *st, GError **error)
{
    if (guest_exists(st->s, st->name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "there is a guest '%s' already",
                    st->name);
        return false;
    }
    if (mkdir(st->dir, 0700) < 0) {
        if (errno == EEXIST)
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "'%s' is being created", st->name);
        else
            failed(error, "make", st->dir);
        return false;
    }
    st->lock = lock_maker(st->dir);
    return st->lock >= 0 || failed(error, "lock", st->dir);
}

static bool begin(struct stage *st, GError **error)
{
    int fd = lock_guests(st->s, error);

    if (fd < 0)
        return false;
    sweep(st->s);
    bool ok = make_stage(st, error);
    close(fd);
    return ok;
}

static bool commit(struct stage *st, GError **error)
{
    g_autofree char *from = stage_file(st, "guest");
    g_autofree char *to = g_build_filename(st->s->guests, st->name, NULL);
    int fd = lock_guests(st->s, error);
    bool ok = fd >= 0;

    if (ok && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
        ok = failed(error, "make", to);
    if (ok)
        fsync(fd);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool check_device(const struct settings *s, const struct diskcfg *cfg, GError **error)
{
    if (!cfg->device || !s->no_device)
        return true;
    g_autofree char *shown = xg_printable(cfg->device);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                "the image wants '%s' of this machine", shown);
    return false;
}

static bool make(struct stage *st, struct xg_image *img, GError **error)
{
    struct diskcfg cfg;

    if (xg_image_has(img, "xenguest.state")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "member 'xenguest.state': the manager's file has no place in an image");
        return false;
    }
    bool ok = stage_read_diskcfg(img, &cfg, error) && check_device(st->s, &cfg, error) &&
              begin(st, error) && stage_make_disk(st, img, &cfg, error) &&
              stage_unpack(st, img, error) && commit(st, error);
    diskcfg_clear(&cfg);
    return ok;
}

/* Scripts and kernels of an image run here: an administrator may want to know whose they are. */
static bool check_signature(const struct settings *s, struct xg_image *img, GError **error)
{
    g_autofree char *comment = NULL;

    if (!s->signer)
        return true;
    if (!xg_verify(img, s->signer, &comment, error))
        return false;
    say(SAY_VERBOSE, "the signature is right: %s", comment);
    return true;
}

bool guest_create(const struct settings *s, const char *image, const char *name, GError **error)
{
    struct stage st = {.s = s, .name = name, .lock = -1};

    if (!guest_name_valid(name, error))
        return false;
    AUTO(xg_image) img = xg_image_open(image, error);
    if (!img)
        return false;
    if (!check_signature(s, img, error) || !xg_image_check(img, error)) {
        g_prefix_error(error, "%s: ", image);
        return false;
    }
    st.dir = g_strdup_printf("%s/" NEW "%s", s->guests, name);
    bool ok = make(&st, img, error);
    if (st.lock >= 0) { /* only then it is ours */
        g_autoptr(GError) why = NULL;
        if (!undo(s, st.dir, name, &why))
            say(SAY_WARNING, "%s", why->message);
        close(st.lock);
    }
    g_free(st.dir);
    g_free(st.volume);
    return ok;
}

/* Renames the guest away, so that it is nobody's; returns a lock on what is left to do. */
static int take_away(const struct settings *s, const struct guest *g, const char *to,
                     GError **error)
{
    int all = lock_guests(s, error), fd = -1;

    if (all < 0)
        return -1;
    sweep(s);
    fd = lock_maker(g->dir);
    if (fd < 0 || renameat2(AT_FDCWD, g->dir, AT_FDCWD, to, RENAME_NOREPLACE) < 0) {
        failed(error, "remove", g->dir);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    close(all);
    return fd;
}

bool guest_remove(const struct settings *s, const char *name, GError **error)
{
    AUTO(guest) g = guest_open(s, name, error);
    g_autofree char *to = g_strdup_printf("%s/" GONE "%s", s->guests, name);
    int fd = g ? take_away(s, g, to, error) : -1;

    if (fd < 0)
        return false;
    bool ok = undo(s, to, name, error);
    close(fd);
    remove_tree(AT_FDCWD, g->run);
    return ok;
}
