/* Command lines as text for people and shells. */
#pragma once

#include <glib.h>

/* argv (char *) as a shell takes it: an option and its value a line; caller frees. */
char *argv_to_text(const GPtrArray *argv);
