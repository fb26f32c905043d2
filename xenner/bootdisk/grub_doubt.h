/*
 * What only GRUB knows, in a menu that is read strictly: values say it themselves, with a mark that goes along into
 * whatever they become a part of. Nobody needs these bytes in a menu; whoever has them there gets what a mark gets.
 */
#pragma once

#include "xenner/bootdisk/grub_menu_priv.h"

#define GRUB_OWN      "\x01" /* GRUB's name of the device that the menu is on */
#define GRUB_OWN_DISK "(" GRUB_OWN ")"
#define GRUB_DOUBT    "\x02" /* anything, or nothing */
/*
 * Of "prefix": Debian's PV image has nothing there but its own configuration, others may have it on the menu's disk. What
 * is not on that is nowhere.
 */
#define GRUB_PREFIX_DISK "(\x03)"

/* Whether an argument from that one on is in doubt. */
bool grub_doubtful(const GPtrArray *args, guint from);
/* Whether it is in doubt which command this is, or to what it assigns. */
bool grub_doubtful_name(const GPtrArray *args);

/* The variable's value is in doubt from now on, as that of one that is not set is; in a function, for ever. */
void grub_doubt(struct grub_menu *m, const char *name);
/* The one of NAME=VALUE, or NAME. */
void grub_doubt_assigned(struct grub_menu *m, const char *text);
/* Those that a command could set, by the usual forms: NAME, --set=NAME, 1:NAME. */
void grub_doubt_named(struct grub_menu *m, const GPtrArray *args);
void grub_doubt_all(struct grub_menu *m);
/* Those of the file grubenv, which GRUB may find or not: see GRUB_PREFIX_DISK. */
void grub_doubt_env(struct grub_menu *m);
