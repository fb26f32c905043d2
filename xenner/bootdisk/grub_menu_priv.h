/* Between the parts of what runs a boot menu's script (grub_menu.h). */
#pragma once

#include "xenner/bootdisk/grub_menu.h"
#include "xenner/bootdisk/grub_script.h"

#define GRUB_MAX_DEPTH 32u /* of lists in lists, and of menus in menus */

/* An entry of the menu, or a menu in it. */
struct grub_item {
    char *title, *id; /* owned; id: or NULL */
    bool submenu;
    guint body; /* its first token */
};

struct grub_menu {
    const struct grub_menu_input *in;
    struct grub_script *script;
    GHashTable *variables;
    GArray *items; /* struct grub_item of the menu that is read now */
    struct grub_entry entry;
    guint at;      /* the next token */
    gsize budget;  /* bytes that further words may become */
    unsigned depth;
    bool status; /* of the last command */
    bool booted; /* by a command outside of entries: nothing behind it counts */
    const char *why; /* it can't be understood, or NULL */

    /* For grub_menu_entry(), or as they were: */
    bool strict;
    bool in_entry;      /* its commands run, not a menu's */
    bool in_function;   /* whose commands may run at any time */
    bool unsure;        /* GRUB's status may be another */
    GHashTable *fickle; /* the variables that functions set */
};

/* Everything but the script's run; false: it has no tokens. Ended by grub_menu_end() in any case. */
bool grub_menu_begin(struct grub_menu *m, const struct grub_menu_input *in, bool strict);
/* After the entry's run: what both public functions say. */
bool grub_menu_end(struct grub_menu *m, struct grub_entry *ret, const char **why);
/* An empty array of struct grub_item; the caller's. */
GArray *grub_menu_items_new(void);
/* The variables that GRUB sets itself; the caller's. */
GHashTable *grub_menu_predefined(const struct grub_menu_input *in);

/* Only the first reason counts. */
void grub_menu_give_up(struct grub_menu *m, const char *why);
void grub_menu_set(struct grub_menu *m, const char *name, const char *value);
/* Borrowed, never NULL. */
const char *grub_menu_get(const struct grub_menu *m, const char *name);

/* grub_commands.c. A command that is not known does nothing and fails; args: its name, and what follows. */
bool grub_command(struct grub_menu *m, const GPtrArray *args);
/* args' i-th, or "". */
const char *grub_arg(const GPtrArray *args, guint i);

enum grub_use {
    GRUB_IN_ENTRY = 1 << 0, /* all that it does is known */
    GRUB_SURE = 1 << 1,     /* and its status too */
    GRUB_NEVER = 1 << 2,    /* not even in a list that may not run */
};

struct grub_command_row {
    const char *name;
    bool (*run)(struct grub_menu *m, const GPtrArray *args);
    unsigned use;
};

/* NULL: it is not known. */
const struct grub_command_row *grub_command_find(const char *name);

/* grub_doubt.c: values in a menu that is read strictly. As grub_menu_predefined(). */
GHashTable *grub_strict_predefined(const struct grub_menu_input *in);
/* For a menu in a menu, or an entry: only those, with their values now. The caller's, as a copy. */
GHashTable *grub_strict_inherit(const struct grub_menu *m);
/* Borrowed, never NULL. */
const char *grub_strict_value(const struct grub_menu *m, const char *name);

/* grub_strict.c: commands in such a menu. */
/* As grub_command(), with m->unsure. */
bool grub_strict_command(struct grub_menu *m, const GPtrArray *args);
/* Instead of a command of which nobody can tell whether GRUB runs it. */
void grub_strict_maybe(struct grub_menu *m, const GPtrArray *args);
/* Gives up when an entry or a menu is not one that GRUB has for certain. */
void grub_strict_item(struct grub_menu *m, const GPtrArray *args, bool live);
/* As grub_test(), from 1 on, with m->unsure. */
bool grub_strict_test(struct grub_menu *m, const GPtrArray *args, bool *unknown);

/* grub_search.c: what the command "search" sets. */
struct grub_search {
    const char *variable; /* NULL: none */
    bool own;             /* to the file system that the menu is on, for certain */
};

/* False: it is not understood. Borrows from args. */
bool grub_search_parse(const struct grub_menu_input *in, const GPtrArray *args, struct grub_search *ret);

/* grub_run.c. Runs the list that begins there, and collects the entries that it has. */
void grub_run(struct grub_menu *m, guint at);
