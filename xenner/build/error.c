#include "xenner/build/error.h"

#include <stdarg.h>

bool build_fail(GError **error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (error)
        *error = g_error_new_valist(BUILD_ERROR, BUILD_ERROR_ANY, fmt, args);
    va_end(args);
    return false;
}
