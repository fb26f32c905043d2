/* Threads: any. */
#pragma once

/* Removes all that is in the directory; no link is followed. What can't be removed stays, quietly.
 */
void remove_contents(int dir);
/* The same, then the directory name in the directory parent, or AT_FDCWD. -1 with errno: it is
 * still there. */
int remove_tree(int parent, const char *name);
