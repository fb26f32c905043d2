/*
 * xenstore's tree: nodes with a value, permissions and children. Pure: no connections, no wire.
 *
 * Paths are absolute ("/a/b"), as store_path_valid() says. Threads: the owner's only.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#define STORE_MAX_PATH     3072u /* XENSTORE_ABS_PATH_MAX */
#define STORE_MAX_VALUE    2048u
#define STORE_MAX_PERMS    16u
#define STORE_MAX_CHILDREN 1000u

enum store_access { STORE_NONE = 0, STORE_READ = 1, STORE_WRITE = 2, STORE_OWNER = 4 };

struct store_perm {
    domid_t dom;
    uint8_t access; /* STORE_READ | STORE_WRITE */
};

struct store_node {
    char *name;
    GByteArray *value;
    GArray *perms;       /* struct store_perm; the first is the owner and what all others may do */
    GSequence *children; /* struct store_node *, by name; owned */
    uint64_t number, next_number; /* among its siblings, in the order in which they were made; the next child's */
    /* Generations, which store_tree_stamp() sets; 0: never stamped. */
    uint64_t changed;          /* value, permissions, or made */
    uint64_t children_changed; /* one was made or removed */
};

/* An empty root owned by domain 0, readable by all. */
struct store_node *store_tree_new(void);
struct store_node *store_tree_copy(const struct store_node *root);
void store_tree_free(struct store_node *root); /* accepts NULL */

/* The children (struct store_node *, borrowed) in the order in which they were made, as Xen lists them. */
GPtrArray *store_node_list(const struct store_node *n);
bool store_path_valid(const char *path);
/* NULL when there is none. */
struct store_node *store_tree_find(struct store_node *root, const char *path);
/* Makes it and what is missing above it, with the permissions of the nearest node above but owned by
 * dom. Returns it, also when it exists; NULL when a node would get too many children. */
struct store_node *store_tree_make(struct store_node *root, const char *path, domid_t dom);
/* How many nodes store_tree_make() would make. */
unsigned store_tree_missing(struct store_node *root, const char *path);
/* Removes the node and all below it; false when there is none or it is the root. */
bool store_tree_remove(struct store_node *root, const char *path);
/* STORE_* bits that dom has on the node. Domain 0 has all. */
unsigned store_node_access(const struct store_node *n, domid_t dom);
/* The same for a path that may not exist yet: of the nearest node above. */
unsigned store_tree_access(struct store_node *root, const char *path, domid_t dom);
/* The path of the nearest node above one that isn't there; caller frees. */
char *store_tree_nearest(struct store_node *root, const char *path);
/*
 * After a change at path (which may have been the removal of its node): those that changed have this
 * generation now. New nodes count, and that their parents have more or fewer children.
 */
void store_tree_stamp(struct store_node *root, const char *path, uint64_t generation);
/* The latest generation in a subtree. */
uint64_t store_tree_changed(const struct store_node *n);
/* Value and permissions, not the children. */
void store_tree_assign(struct store_node *to, const struct store_node *from);
/* Nodes of the subtree that dom owns. */
unsigned store_tree_count(const struct store_node *root, domid_t dom);
