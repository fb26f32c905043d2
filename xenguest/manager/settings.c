#include "xenguest/manager/settings.h"

#include "xenguest/lib/assign.h"
#include "xenner/config/size.h"

#include <gio/gio.h>
#include <string.h>

#define CONF "/xenguest/xenguest-manager.conf"

struct names {
    const struct assign *conf; /* NULL: there is no file */
    const char *root;
};

/* The environment wins, then the file. */
static const char *value_of(const struct names *n, const char *name, const char *otherwise)
{
    const char *env = g_getenv(name), *conf = n->conf ? assign_get(n->conf, name) : NULL;

    return env ? env : conf ? conf : otherwise;
}

static char *path_of(const struct names *n, const char *name, const char *otherwise)
{
    const char *value = value_of(n, name, otherwise);

    return g_strconcat(n->root, value, NULL);
}

static bool wrong(GError **error, const char *name, const char *value, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s=\"%s\" is not %s", name, value,
                what);
    return false;
}

static int index_of(const char *const *words, const char *value)
{
    for (int i = 0; words[i]; i++) {
        if (g_ascii_strcasecmp(words[i], value) == 0)
            return i;
    }
    return -1;
}

static bool choose(const struct names *n, const char *name, const char *const *words, int *ret,
                   GError **error)
{
    const char *value = value_of(n, name, words[0]);
    g_autofree char *list = g_strjoinv(", ", (char **)words);
    g_autofree char *one_of = g_strdup_printf("one of %s", list);

    *ret = index_of(words, value);
    return *ret >= 0 || wrong(error, name, value, one_of);
}

static bool choices(struct settings *s, const struct names *n, GError **error)
{
    static const char *const networks[] = {"bridge", "user", "none", NULL};
    static const char *const formats[] = {"raw", "qcow2", NULL};
    static const char *const levels[] = {"0", "1", "2", "quiet", "verbose", "debug", NULL};
    const char *timeout = value_of(n, "XENGUEST_STOP_TIMEOUT", "60");
    int network = 0, format = 0, level = 0;
    uint64_t seconds;

    if (!choose(n, "XENGUEST_NETWORK", networks, &network, error) ||
        !choose(n, "XENGUEST_DISK_FORMAT", formats, &format, error) ||
        !choose(n, "XENGUEST_LOG_LEVEL", levels, &level, error))
        return false;
    if (!number_parse(timeout, 86400, &seconds, NULL))
        return wrong(error, "XENGUEST_STOP_TIMEOUT", timeout, "a number of seconds");
    s->network = (enum xl_network)network;
    s->qcow2 = format == 1;
    s->log_level = level % 3;
    s->stop_timeout = (unsigned)seconds;
    return true;
}

static void texts(struct settings *s, const struct names *n)
{
    s->images = path_of(n, "XENGUEST_GUEST_DIR", XENGUEST_GUEST_DIR);
    s->guests = path_of(n, "XENGUEST_CONF_DIR", XENGUEST_SYSCONF_DIR "/xenguest/guests");
    s->disks = path_of(n, "XENGUEST_DISK_DIR", XENGUEST_DISK_DIR);
    s->logs = path_of(n, "XENGUEST_LOG_DIR", XENGUEST_LOG_DIR);
    s->run = path_of(n, "XENGUEST_RUN_DIR", "/run/xenguest");
    s->device = g_strdup(value_of(n, "XENGUEST_VOLUME_DEVICE", XENGUEST_VOLUME_DEVICE));
    s->group = g_strdup(value_of(n, "XENGUEST_VOLUME_NAME", XENGUEST_VOLUME_NAME));
    s->bridge = g_strdup(value_of(n, "XENGUEST_BRIDGE", "xenbr0"));
    const char *signer = value_of(n, "XENGUEST_SIGNED_BY", "");
    s->signer = *signer ? g_strconcat(n->root, signer, NULL) : NULL;
    s->xenner = g_strdup(value_of(n, "XENGUEST_XENNER", "xenner"));
    /* the default device is a guess: a machine without it keeps disks in files */
    if (strcmp(s->device, XENGUEST_VOLUME_DEVICE) == 0 &&
        !g_file_test(s->device, G_FILE_TEST_EXISTS))
        *s->device = '\0';
}

struct settings *settings_load(const char *root, GError **error)
{
    const char *env = g_getenv("XENGUEST_ROOT");
    g_autofree char *own = root ? g_canonicalize_filename(root, NULL) : NULL;
    struct names n = {.root = own && strcmp(own, "/") != 0 ? own : !own && env ? env : ""};
    g_autofree char *path = g_strconcat(n.root, XENGUEST_SYSCONF_DIR CONF, NULL);
    AUTO(assign) conf = NULL;
    AUTO(settings) s = g_new0(struct settings, 1);
    GError *why = NULL;

    conf = assign_load(path, &why);
    if (!conf && !g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_propagate_error(error, why);
        return NULL;
    }
    g_clear_error(&why);
    n.conf = conf;
    texts(s, &n);
    return choices(s, &n, error) ? g_steal_pointer(&s) : NULL;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    g_free(s->images);
    g_free(s->guests);
    g_free(s->disks);
    g_free(s->logs);
    g_free(s->run);
    g_free(s->device);
    g_free(s->group);
    g_free(s->bridge);
    g_free(s->xenner);
    g_free(s->signer);
    g_free(s);
}

struct volume_host settings_volume_host(const struct settings *s)
{
    return (struct volume_host){
        .device = s->device, .group = s->group, .dir = s->disks, .qcow2 = s->qcow2};
}
