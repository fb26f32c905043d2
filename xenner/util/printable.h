/* Texts that quote what others wrote, made fit for a terminal and a log. */
#pragma once

#include <glib.h>

/* The message as one line of valid UTF-8 without control characters. Accepts NULL. */
void error_make_printable(GError *error);
