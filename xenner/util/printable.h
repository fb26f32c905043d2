/* Texts that quote what others wrote, made fit for a terminal and a log. */
#pragma once

#include <glib.h>

/* One line of valid UTF-8 without control characters, in the place of *text (allocated, not NULL). */
void text_make_printable(char **text);
/* The same with an error's message. Accepts NULL. */
void error_make_printable(GError *error);
