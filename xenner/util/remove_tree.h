/* Threads: any. */
#pragma once

/*
 * Removes the directory name in the directory parent (a descriptor, or AT_FDCWD), with all that is in it; no
 * link is followed. What can't be removed stays, quietly; errno is then that of the last failure, and
 * the return value -1.
 */
int remove_tree(int parent, const char *name);
