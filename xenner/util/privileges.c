#include "xenner/util/privileges.h"

#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static bool fail(GError **error, int err, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "%s: %s", what, g_strerror(err));
    return false;
}

/* The highest number is setresuid()'s word for "leave it". */
static bool parse_id(const char *text, uint32_t *ret)
{
    guint64 n;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &n, NULL))
        return false;
    *ret = (uint32_t)n;
    return true;
}

bool privileges_parse(const char *text, struct privileges *ret, GError **error)
{
    g_auto(GStrv) ids = g_strsplit(text, ":", 2);
    const struct passwd *pw = getpwnam(text);

    *ret = (struct privileges){0};
    if (pw) {
        ret->uid = pw->pw_uid;
        ret->gid = pw->pw_gid;
        ret->name = g_strdup(pw->pw_name);
        return true;
    }
    if (ids[0] && ids[1] && parse_id(ids[0], &ret->uid) && parse_id(ids[1], &ret->gid))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "neither the name of a user nor UID:GID");
    return false;
}

void privileges_clear(struct privileges *p)
{
    g_clear_pointer(&p->name, g_free);
}

bool privileges_drop(const struct privileges *p, GError **error)
{
    if (p->name ? initgroups(p->name, p->gid) < 0 : setgroups(1, &p->gid) < 0)
        return fail(error, errno, "-runas: could not set the groups");
    if (setresgid(p->gid, p->gid, p->gid) < 0)
        return fail(error, errno, "-runas: could not set the group");
    if (setresuid(p->uid, p->uid, p->uid) < 0)
        return fail(error, errno, "-runas: could not set the user");
    if (p->uid != 0 && setuid(0) == 0)
        return fail(error, EPERM, "-runas: root could be had back");
    return true;
}

bool privileges_chroot(const char *path, GError **error)
{
    if (chroot(path) == 0 && chdir("/") == 0)
        return true;
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "-chroot %s: %s", path,
                g_strerror(errno));
    return false;
}
