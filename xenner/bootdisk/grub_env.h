/* The file in which GRUB and its tools keep variables (GRUB's manual, "The GRUB environment block"). */
#pragma once

#include <glib.h>

/* Adds text's variables to a table of strings; next_entry is left out, as nobody here could clear it. */
void grub_env_load(const char *text, GHashTable *variables);
