#include "xenguest/manager/guest.h"

#include "xenguest/lib/assign.h"
#include "xenguest/lib/image.h"
#include "xenguest/lib/xlcfg.h"
#include "xenguest/manager/say.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE    "xenguest.state"
#define GROUP    "guest"
#define MAX_NAME 64u

bool guest_name_valid(const char *name, GError **error)
{
    size_t len = strlen(name);
    bool ok = len > 0 && len <= MAX_NAME && g_ascii_isalnum(*name);

    for (const char *c = name; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || strchr("-_.+", *c));
    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'%s' is no name for a guest: letters, digits, - _ . +, at most %u", name,
                    MAX_NAME);
    return ok;
}

char *guest_name_of_image(const char *path)
{
    static const char *const suffixes[] = {".xenguest", ".xg", ".tar"};
    char *name = g_path_get_basename(path);

    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        if (g_str_has_suffix(name, suffixes[i])) {
            name[strlen(name) - strlen(suffixes[i])] = '\0';
            break;
        }
    }
    return name;
}

bool guest_exists(const struct settings *s, const char *name)
{
    g_autofree char *path = g_build_filename(s->guests, name, STATE, NULL);

    return guest_name_valid(name, NULL) && g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

struct guest *guest_open(const struct settings *s, const char *name, GError **error)
{
    AUTO(guest) g = g_new0(struct guest, 1);

    if (!guest_name_valid(name, error))
        return NULL;
    if (!guest_exists(s, name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no guest '%s'", name);
        return NULL;
    }
    g->name = g_strdup(name);
    g->dir = g_build_filename(s->guests, name, NULL);
    g->run = g_build_filename(s->run, name, NULL);
    return guest_read_state(g->dir, &g->volume, error) ? g_steal_pointer(&g) : NULL;
}

void guest_free(struct guest *g)
{
    if (!g)
        return;
    g_free(g->name);
    g_free(g->dir);
    g_free(g->run);
    g_free(g->volume);
    g_free(g);
}

static int compare(const void *a, const void *b, void *opaque)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **guest_names(const struct settings *s)
{
    g_autoptr(GDir) dir = g_dir_open(s->guests, 0, NULL);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        if (guest_exists(s, name))
            g_strv_builder_add(names, name);
    }
    char **list = g_strv_builder_end(names);
    g_qsort_with_data(list, (int)g_strv_length(list), sizeof(*list), compare, NULL);
    return list;
}

bool guest_write_state(const char *dir, const char *volume, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = g_build_filename(dir, STATE, NULL), *text = NULL;

    g_key_file_set_integer(file, GROUP, "version", 1);
    if (volume)
        g_key_file_set_string(file, GROUP, "volume", volume);
    text = g_key_file_to_data(file, NULL, NULL);
    return g_file_set_contents_full(
        path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

bool guest_read_state(const char *dir, char **ret_volume, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = g_build_filename(dir, STATE, NULL);

    *ret_volume = NULL;
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    *ret_volume = g_key_file_get_string(file, GROUP, "volume", NULL);
    return true;
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* The state file of a guest that is there is written when its disk is done, and never again. */
bool guest_is_new(const struct guest *g)
{
    g_autofree char *state = g_build_filename(g->dir, STATE, NULL);
    g_autofree char *disk = g->volume ? volume_path(g->volume) : NULL;
    struct stat made, written;

    if (!disk)
        return true;
    return stat(state, &made) == 0 && stat(disk, &written) == 0 &&
           !is_later(written.st_mtim, made.st_mtim);
}

char *guest_param(const struct guest *g, const char *name)
{
    g_autofree char *path = g_build_filename(g->dir, "params.cfg", NULL);
    AUTO(assign) params = assign_load(path, NULL);

    return params ? g_strdup(assign_get(params, name)) : NULL;
}

bool guest_autoboots(const struct guest *g)
{
    g_autofree char *value = guest_param(g, "GUEST_AUTOBOOT");

    return !value || strcmp(value, "0") != 0;
}

bool guest_command(const struct settings *s, const struct guest *g, struct xl_command *ret,
                   GError **error)
{
    struct xl_host host = {
        .source = XG_GUEST, .base = g->dir, .bridge = s->bridge, .network = s->network};
    AUTO(xg_image) img = xg_image_open(g->dir, error);
    g_autofree char *text = img ? xg_image_merged_config(img, error) : NULL;
    AUTO(xlcfg) cfg = text ? xlcfg_parse(text, strlen(text), XG_GUEST, error) : NULL;

    if (!cfg)
        return false;
    xlcfg_set_string(cfg, "name", g->name); /* whatever the parts say: it is known by this one */
    if (!xl_command(cfg, &host, ret, error))
        return false;
    for (guint i = 0; i < ret->warnings->len; i++)
        say(SAY_WARNING, "%s: %s", g->name, (char *)g_ptr_array_index(ret->warnings, i));
    return true;
}
