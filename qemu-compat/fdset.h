/* add-fd's sets of descriptors, which options and commands name as /dev/fdset/N. */
#pragma once

#include "xenner/config/fdset_config.h"

#include <json-glib/json-glib.h>

struct fdsets;

/* inherited: -add-fd's (struct fdset_fd), copied; their descriptors are taken. */
struct fdsets *fdsets_new(const GArray *inherited);
/* Closes all. */
void fdsets_free(struct fdsets *sets);
/* Takes fd. id < 0: a new set. Returns the set's id. */
int64_t fdsets_add(struct fdsets *sets, int64_t id, int fd, const char *opaque);
/* fd < 0: the whole set. False: there is none. What is in use stays open. */
bool fdsets_remove(struct fdsets *sets, int64_t id, int64_t fd);
/* query-fdsets */
JsonArray *fdsets_list(const struct fdsets *sets);
/* Them all (struct fdset_fd), for fdset_path(). */
GArray *fdsets_all(struct fdsets *sets);
