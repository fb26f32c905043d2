#include "xenner/host/libxen_log.h"

#include <stdbool.h>
#include <string.h>

struct libxen_log {
    xentoollog_logger logger;
    char *error;
};

/* "file.c:123:function: text": only the text is for users. */
static const char *without_place(const char *text)
{
    const char *colon = strstr(text, ".c:");

    for (unsigned i = 0; colon && i < 3; i++) {
        colon = strchr(colon, ':');
        if (colon)
            colon++;
    }
    return colon ? colon + strspn(colon, " ") : text;
}

static void vmessage(xentoollog_logger *logger, xentoollog_level level, int errnoval,
                     const char *context, const char *format, va_list al)
{
    struct libxen_log *log = (struct libxen_log *)logger;
    g_autofree char *text = g_strdup_vprintf(format, al);

    g_strchomp(text);
    g_log("libxl", G_LOG_LEVEL_DEBUG, "%s: %s%s%s", context ? context : "xen", text,
          errnoval >= 0 ? ": " : "", errnoval >= 0 ? g_strerror(errnoval) : "");
    /* The first error is the cause; but a hotplug script's own words come behind "it exited with status 1". */
    bool script = g_str_has_prefix(without_place(text), "script: ");
    if (level < XTL_ERROR || (log->error && !script))
        return;
    g_free(log->error);
    g_strdelimit(text, "\n\r", ' ');
    log->error = errnoval > 0
        ? g_strdup_printf("%s: %s", without_place(text), g_strerror(errnoval))
        : g_strdup(without_place(text));
}

static void progress(xentoollog_logger *logger, const char *context, const char *doing_what,
                     int percent, unsigned long done, unsigned long total)
{
}

static void destroy(xentoollog_logger *logger)
{
    struct libxen_log *log = (struct libxen_log *)logger;

    g_free(log->error);
    g_free(log);
}

struct libxen_log *libxen_log_new(void)
{
    struct libxen_log *log = g_new0(struct libxen_log, 1);

    log->logger = (xentoollog_logger){vmessage, progress, destroy};
    return log;
}

xentoollog_logger *libxen_log_logger(struct libxen_log *log)
{
    return &log->logger;
}

char *libxen_log_take_error(struct libxen_log *log)
{
    return g_steal_pointer(&log->error);
}

void libxen_log_free(struct libxen_log *log)
{
    if (log)
        xtl_logger_destroy(&log->logger);
}
