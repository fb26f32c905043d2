/*
 * The words of a script in GRUB's language (GRUB's manual, "Shell-like scripting"), before anything runs. The
 * script is a guest's: whatever is in it, time and memory stay in proportion to the limits here.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum grub_token {
    GRUB_WORD,
    GRUB_SEPARATOR, /* a line's end, or ';' */
    GRUB_OPEN,      /* { */
    GRUB_CLOSE,     /* } */
    GRUB_END,       /* behind the last */
};

struct grub_script;

/* NULL: quotes without an end, or what the language has no meaning for. The caller's. */
struct grub_script *grub_script_new(const char *text);
/* Accepts NULL. */
void grub_script_free(struct grub_script *s);
/* at: any number. */
enum grub_token grub_script_token(const struct grub_script *s, guint at);
/* The word when all of it is there to see, no quotes and no variables, as reserved words are; or NULL. Borrowed. */
const char *grub_script_plain(const struct grub_script *s, guint at);

/* A variable's value, borrowed; NULL: it has none. */
typedef const char *grub_lookup_fn(void *opaque, const char *name);
/*
 * Adds what the word becomes with its variables' values: one argument, several (a value without quotes is split
 * at its blanks) or none. Takes from *budget one for each byte; false when it doesn't suffice.
 */
bool grub_script_expand(const struct grub_script *s, guint at, grub_lookup_fn *lookup, void *opaque,
                        gsize *budget, GPtrArray *args);

