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
};

/* Only the first reason counts. */
void grub_menu_give_up(struct grub_menu *m, const char *why);
void grub_menu_set(struct grub_menu *m, const char *name, const char *value);
/* Borrowed, never NULL. */
const char *grub_menu_get(const struct grub_menu *m, const char *name);

/* grub_commands.c. A command that is not known does nothing and fails; args: its name, and what follows. */
bool grub_command(struct grub_menu *m, const GPtrArray *args);
/* args' i-th, or "". */
const char *grub_arg(const GPtrArray *args, guint i);

/* grub_run.c. Runs the list that begins there, and collects the entries that it has. */
void grub_run(struct grub_menu *m, guint at);
