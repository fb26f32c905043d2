#include "xenner/vm/control.h"

#include <gio/gio.h>
#include <inttypes.h>
#include <string.h>

static char *guest_path(const struct xen_host *host, const char *node)
{
    return g_strdup_printf("/local/domain/%u/%s", host->domid, node);
}

static bool put(struct xen_host *host, const char *node, const char *value, GError **error)
{
    g_autofree char *path = guest_path(host, node);

    return host->xs->write(host, 0, path, value, error);
}

/* NULL: there is no such node. */
static char *get(struct xen_host *host, const char *node)
{
    g_autofree char *path = guest_path(host, node);

    return host->xs->read(host, 0, path, NULL);
}

/* Guests older than the feature nodes write none, and know all the same. */
static bool may_ask(struct xen_host *host, const char *what, GError **error)
{
    g_autofree char *node = g_strdup_printf("control/feature-%s", what);
    g_autofree char *value = get(host, node);

    if (g_strcmp0(value, "0") != 0)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the guest does not know '%s'", what);
    return false;
}

bool control_power(struct xen_host *host, enum control_power what, GError **error)
{
    static const char *const words[] = {
        [CONTROL_POWEROFF] = "poweroff", [CONTROL_REBOOT] = "reboot", [CONTROL_HALT] = "halt"};

    return may_ask(host, words[what], error) && put(host, "control/shutdown", words[what], error);
}

bool control_power_known(struct xen_host *host)
{
    g_autofree char *value = get(host, "control/feature-poweroff");

    return g_strcmp0(value, "1") == 0;
}

bool control_power_taken(struct xen_host *host)
{
    g_autofree char *value = get(host, "control/shutdown");

    return !value || !*value;
}

bool control_sysrq(struct xen_host *host, char key, GError **error)
{
    const char text[] = {key, '\0'};

    if (!g_ascii_isalnum(key)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "sysrq: a letter or a digit is wanted");
        return false;
    }
    return may_ask(host, "sysrq", error) && put(host, "control/sysrq", text, error);
}

bool control_memory(struct xen_host *host, uint64_t bytes, GError **error)
{
    g_autofree char *max_text = get(host, "memory/static-max");
    uint64_t max = max_text ? g_ascii_strtoull(max_text, NULL, 10) : 0;
    g_autofree char *text = g_strdup_printf("%" PRIu64, bytes >> 10);

    if (bytes >> 10 > max || bytes >> 20 == 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "the guest can have 1 to %" PRIu64 " MiB", max >> 10);
        return false;
    }
    return put(host, "memory/target", text, error);
}

static bool get_kib(struct xen_host *host, const char *node, uint64_t *ret)
{
    g_autofree char *text = get(host, node);

    if (!text || !g_ascii_string_to_unsigned(g_strstrip(text), 10, 0, UINT64_MAX >> 10, ret, NULL))
        return false;
    *ret <<= 10;
    return true;
}

bool control_memory_stats(struct xen_host *host, uint64_t *ret_free, uint64_t *ret_total)
{
    return get_kib(host, "data/meminfo_free", ret_free) &&
           get_kib(host, "data/meminfo_total", ret_total);
}
