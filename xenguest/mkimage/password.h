/* Asking for the password of a key. */
#pragma once

#include <glib.h>

/*
 * From the terminal, without showing it; from stdin's first line when that is no terminal. Free
 * with g_free(); NULL with error set.
 */
char *password_ask(const char *key_path, GError **error);
