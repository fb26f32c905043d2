/* add-fd's sets of descriptors, which options name as /dev/fdset/N. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-glib/json-glib.h>

struct fdsets;

struct fdsets *fdsets_new(void);
/* Closes all. */
void fdsets_free(struct fdsets *sets);
/* Takes fd. id < 0: a new set. Returns the set's id. */
int64_t fdsets_add(struct fdsets *sets, int64_t id, int fd, const char *opaque);
/* fd < 0: the whole set. False: there is none. */
bool fdsets_remove(struct fdsets *sets, int64_t id, int64_t fd);
/* query-fdsets */
JsonArray *fdsets_list(const struct fdsets *sets);
