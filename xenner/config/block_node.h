/*
 * -blockdev's nodes: a format (raw, qcow2...) over a protocol (a file, a block device, an NBD
 * server), each of them named. Plain data; a disk is what a chain of them comes to.
 */
#pragma once

#include "xenner/config/disk_config.h"

struct block_node {
    char *origin;   /* "-blockdev ...", for errors */
    char *name;     /* node-name; never NULL */
    char *driver;
    char *file;     /* a format's: the node below */
    char *backing;  /* a format's: the node of what is not in its own file, or NULL */
    char *throttle_group; /* a throttle's */
    char *filename; /* a protocol's: path or URL */
    bool no_backing; /* none, whatever the image says */
    bool auto_readonly; /* written to only if that is possible */
    bool readonly, direct, no_flush, discard;
    enum disk_zeroes zeroes;
    enum disk_aio aio;
};

/* Accepts NULL; a GDestroyNotify. */
void block_node_free(void *node);
struct block_node *block_node_copy(const struct block_node *node);
/* Whether driver is a format or a filter, which need a file; false: a protocol, or unknown. */
bool block_driver_is_format(const char *driver);
bool block_driver_is_protocol(const char *driver);
/* NULL: there is none in the list (struct block_node *). */
struct block_node *block_nodes_find(const GPtrArray *nodes, const char *name);
/* The node that is over this one, or NULL. */
const struct block_node *block_nodes_parent(const GPtrArray *nodes, const char *name);
/*
 * The disk that node `name` is, with that as its id and no device; the caller's. NULL: something is
 * missing below it.
 */
struct disk_config *block_nodes_disk(const GPtrArray *nodes, const char *name, GError **error);
