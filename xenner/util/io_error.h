/* One-line errors of GIO's domain. */
#pragma once

#include <gio/gio.h>
#include <stdarg.h>
#include <stdbool.h>

/* Sets *error (error may be NULL). False, for the caller to return. */
static inline bool G_GNUC_PRINTF(3, 4) io_error(GError **error, GIOErrorEnum code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, (int)code, fmt, ap);
    va_end(ap);
    return false;
}
