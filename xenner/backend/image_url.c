#include "xenner/backend/image_url.h"

#include <gio/gio.h>
#include <string.h>

enum { NBD_PORT = 10809, SSH_PORT = 22 };

/* A string of JSON with its quotes; the caller's. */
static char *json_string(const char *text)
{
    GString *s = g_string_new("\"");

    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(s, '\\');
        if ((unsigned char)*text < 0x20)
            g_string_append_printf(s, "\\u%04x", *text);
        else
            g_string_append_c(s, *text);
    }
    return g_string_free(g_string_append_c(s, '"'), FALSE);
}

bool image_is_url(const char *path)
{
    g_autofree char *scheme = g_uri_parse_scheme(path);

    return scheme && (strcmp(scheme, "rbd") == 0 || g_str_has_prefix(path + strlen(scheme), "://"));
}

/* "host":...,"port":... */
static char *host_port(GUri *uri, int default_port)
{
    const char *name = g_uri_get_host(uri);
    g_autofree char *host = json_string(name && *name ? name : "localhost");

    return g_strdup_printf("\"host\":%s,\"port\":\"%d\"", host,
                           g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : default_port);
}

static char *nbd_node(GUri *uri, const char *url)
{
    const char *path = g_uri_get_path(uri);
    g_autofree char *export = json_string(path[0] == '/' ? path + 1 : path);
    g_autofree char *at = host_port(uri, NBD_PORT);

    return g_strdup_printf("{\"driver\":\"nbd\",\"export\":%s,\"server\":{\"type\":\"inet\",%s}}", export, at);
}

static char *nbd_unix_node(GUri *uri, const char *url)
{
    const char *path = g_uri_get_path(uri), *query = g_uri_get_query(uri);
    g_autofree char *export = json_string(path[0] == '/' ? path + 1 : path);

    if (!query || !g_str_has_prefix(query, "socket="))
        return NULL;
    g_autofree char *socket = json_string(query + strlen("socket="));
    return g_strdup_printf("{\"driver\":\"nbd\",\"export\":%s,\"server\":{\"type\":\"unix\",\"path\":%s}}",
                           export, socket);
}

static char *ssh_node(GUri *uri, const char *url)
{
    const char *user = g_uri_get_userinfo(uri);
    g_autofree char *path = json_string(g_uri_get_path(uri)), *at = host_port(uri, SSH_PORT);
    g_autofree char *name = user ? json_string(user) : NULL;

    return g_strdup_printf("{\"driver\":\"ssh\",\"path\":%s,\"server\":{%s}%s%s}", path, at,
                           name ? ",\"user\":" : "", name ? name : "");
}

/* rbd:POOL/IMAGE, without the keys that may follow. */
static char *rbd_node(GUri *uri, const char *url)
{
    g_auto(GStrv) part = g_strsplit(url + strlen("rbd:"), "/", 2);

    if (!part[0] || !part[1] || !*part[0] || !*part[1] || strchr(part[1], ':') || strchr(part[1], '@'))
        return NULL;
    g_autofree char *pool = json_string(part[0]), *image = json_string(part[1]);
    return g_strdup_printf("{\"driver\":\"rbd\",\"pool\":%s,\"image\":%s}", pool, image);
}

static char *curl_node(GUri *uri, const char *url)
{
    g_autofree char *text = json_string(url);

    return g_strdup_printf("{\"driver\":\"%s\",\"url\":%s}", g_uri_get_scheme(uri), text);
}

static const struct {
    const char *scheme;
    char *(*node)(GUri *uri, const char *url); /* NULL: the URL lacks something */
} schemes[] = {
    {"http", curl_node}, {"https", curl_node}, {"nbd", nbd_node},
    {"nbd+unix", nbd_unix_node}, {"rbd", rbd_node}, {"ssh", ssh_node},
};

char *image_url_node(const char *url, GError **error)
{
    g_autofree char *scheme = g_uri_parse_scheme(url);
    unsigned i = 0;

    while (i < G_N_ELEMENTS(schemes) && g_strcmp0(schemes[i].scheme, scheme) != 0)
        i++;
    if (i == G_N_ELEMENTS(schemes)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "Unknown protocol '%s'", scheme);
        return NULL;
    }
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    char *node = uri ? schemes[i].node(uri, url) : NULL;
    if (!node)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Could not open '%s': it is not a URL of '%s'",
                    url, scheme);
    return node;
}
