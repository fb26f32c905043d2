/*
 * What GRUB would start without a key being pressed: its script is run as far as that takes, by GRUB's manual. It
 * is a guest's, and can say anything.
 *
 * Of the commands only those are known that choose among entries and describe one; all others do nothing, and
 * fail where a condition asks. A script that loops, goes on in another file or comes to a halt is not understood.
 */
#pragma once

#include "xenner/bootdisk/grub_test.h"

struct grub_entry {
    char *kernel;       /* path in the file system that GRUB's "root" is */
    GPtrArray *initrds; /* paths (char *), maybe none */
    char *cmdline;      /* the kernel's arguments as GRUB would hand them over */
};

struct grub_menu_input {
    const char *cfg;    /* grub.cfg */
    const char *env;    /* the file grubenv beside it, whose next_entry is left alone; NULL: there is none */
    const char *prefix; /* the directory of both */
    grub_exists_fn *exists; /* for the script's own questions */
    void *opaque;
    const char *uuid, *label; /* of the file system that all this is on; NULL: not known */
};

/* On success *ret is the caller's, for grub_entry_clear(); else *why is a clause for the user, a constant. */
bool grub_menu_default(const struct grub_menu_input *in, struct grub_entry *ret, const char **why);
/*
 * The entry of that title, wherever it is among the menus, and only when there is no doubt of what GRUB would
 * start and that it would change nothing before, as the file grubenv. Otherwise as above.
 */
bool grub_menu_entry(const struct grub_menu_input *in, const char *title, struct grub_entry *ret,
                     const char **why);
/* Accepts a zeroed one. */
void grub_entry_clear(struct grub_entry *e);
