/* A client of xenstore over the guest's ring, one request at a time. Paths are relative to our own directory. */
#pragma once

#include "guest.h"

void store_init(void);
void store_write(const char *path, const char *value);
/* False: there is no such node. */
bool store_read(const char *path, char *buf, unsigned size);
