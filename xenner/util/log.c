#include "xenner/util/log.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

const struct log_domain log_domains[] = {
    {"all", "all of the following"},
    {"blk", "disks: rings and requests that fail"},
    {"chardev", "connections of character devices"},
    {"config", "the configuration as it was understood"},
    {"domain", "choice of the accelerator, building of the guest"},
    {"emu", "messages of the part inside the VM"},
    {"fb", "what is wrong with a guest's framebuffer or keyboard"},
    {"hypercall", "hypercalls that failed, as the part inside the VM saw them"},
    {"libxl", "on a Xen host: what Xen's toolstack says"},
    {"net", "networks: rings, offloads, connections"},
    {"vnc", "VNC clients"},
    {"xenbus", "states of PV devices"},
    {NULL, NULL},
};

/* The process's one logger (STYLE: the only state that is not somebody's). */
static struct {
    FILE *out;
    char **domains;
    bool timestamps;
    GMutex lock;
} logger;

static bool domain_is_on(const char *domain)
{
    if (!logger.domains)
        return false;
    return g_strv_contains((const char *const *)logger.domains, "all") ||
           (domain && g_strv_contains((const char *const *)logger.domains, domain));
}

static const char *level_text(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_WARNING)
        return "warning: ";
    if (level & G_LOG_LEVEL_DEBUG)
        return "debug: ";
    return "";
}

static void write_message(const gchar *domain, GLogLevelFlags level, const gchar *message,
                          gpointer data)
{
    FILE *out = logger.out ? logger.out : stderr;

    if ((level & G_LOG_LEVEL_DEBUG) && !domain_is_on(domain))
        return;
    g_mutex_lock(&logger.lock);
    if (logger.timestamps) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
        fprintf(out, "%s.%06dZ ", text, g_date_time_get_microsecond(now));
    }
    fprintf(out, "xenner: %s%s%s%s\n", level_text(level), domain && *domain ? domain : "",
            domain && *domain ? ": " : "", message);
    fflush(out);
    g_mutex_unlock(&logger.lock);
}

static bool check_domains(char **names, GError **error)
{
    for (unsigned i = 0; names[i]; i++) {
        bool known = false;
        for (unsigned k = 0; log_domains[k].name; k++)
            known |= strcmp(names[i], log_domains[k].name) == 0;
        if (!known) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "-d %s: no such log domain (-d help lists them)", names[i]);
            return false;
        }
    }
    return true;
}

bool log_setup(const char *domains, const char *file, bool timestamps, GError **error)
{
    g_auto(GStrv) names = domains ? g_strsplit(domains, ",", -1) : NULL;

    if (names && !check_domains(names, error))
        return false;
    if (file) {
        logger.out = fopen(file, "ae");
        if (!logger.out) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "-D %s: could not open: %s", file,
                        g_strerror(errno));
            return false;
        }
    }
    g_strfreev(logger.domains);
    logger.domains = g_steal_pointer(&names);
    logger.timestamps = timestamps;
    g_log_set_default_handler(write_message, NULL);
    return true;
}
