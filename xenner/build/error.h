/*
 * Errors of the builder: one line, without the file's name; build_domain() puts that in front.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define BUILD_ERROR (g_quark_from_static_string("xenner-build"))
enum { BUILD_ERROR_ANY, BUILD_ERROR_PVH_ONLY };

/* Sets *error and returns false, so that a check is one statement. */
bool build_fail(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
