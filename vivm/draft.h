/*
 * Where edits are kept: a directory of the user's own, mode 0700 ($XDG_STATE_HOME/vivm, by default
 * ~/.local/state/vivm), so that they outlive vivm, its terminal and a reboot. For a domain:
 *
 *   NAME.UUID.draft.xml        what is being edited, or what a killed vivm left
 *   NAME.UUID.kept-TIME.xml    a text that was not defined
 *   NAME.UUID.backup-TIME.xml  a definition that was replaced; the newest ten
 *   NAME.UUID.lock             held with flock() while somebody edits
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct draft;

/*
 * Takes the domain's lock; NULL and an error when another process has it. directory NULL: the usual
 * one. Owned by the caller.
 */
struct draft *draft_open(const char *directory, const char *name, const char *uuid, GError **error);
/* Lets go of the lock and leaves the files. Accepts NULL. */
void draft_free(struct draft *d);
/* The draft's path, whether there is one or not. */
const char *draft_path(const struct draft *d);
/* There is one, of somebody who was killed. */
bool draft_exists(const struct draft *d);
/* On the disk when it returns. */
bool draft_write(const struct draft *d, const char *text, GError **error);
/* The text that the editor left; NULL and an error. At most DOMAIN_XML_MAX. */
char *draft_read(const struct draft *d, GError **error);
void draft_remove(const struct draft *d);
/* Under another name, out of the way of the next edit; the name, caller frees. NULL and an error. */
char *draft_keep(const struct draft *d, GError **error);
/* A backup of a definition; its path, caller frees. Removes all but the newest ten. */
char *draft_backup(const struct draft *d, const char *text, GError **error);
