/*
 * Disks that share limits: what one of them has used up, the others have not. The disks' requests wait here, and
 * get through in turn. All disks of a group have the same I/O thread.
 *
 * Threads: the main loop's, but for throttle_group_submit() and _hurry(), which are the I/O thread's.
 */
#pragma once

#include "xenner/backend/disk_image.h"

struct throttle_group;

struct throttle_group *throttle_group_new(const char *name, const struct disk_limits *limits);
struct throttle_group *throttle_group_ref(struct throttle_group *g);
void throttle_group_unref(struct throttle_group *g); /* accepts NULL */
const char *throttle_group_name(const struct throttle_group *g);
const struct disk_limits *throttle_group_limits(const struct throttle_group *g);
/* What waits goes by the new limits. */
void throttle_group_set_limits(struct throttle_group *g, const struct disk_limits *limits);
/* How many images are in it. */
unsigned throttle_group_size(const struct throttle_group *g);

/* An image's place in a group. Zeroed at first: in none. */
struct throttle_member {
    struct throttle_group *group; /* a reference; NULL: nothing is held back */
    struct disk_image *below;     /* where requests go; set by its owner */
    GQueue waiting[2];            /* struct image_request *: reads, writes */
    bool hurry;
};

/* Moves to a group (NULL: none); what waits goes by the limits there. */
void throttle_member_set_group(struct throttle_member *m, struct throttle_group *g);
void throttle_member_submit(struct throttle_member *m, struct image_request *r);
void throttle_member_hurry(struct throttle_member *m, bool hurry);
