/* The image's scripts on the host's side: init.pre/, init.d/, init.post/. */
#pragma once

#include "xenguest/manager/guest.h"

/*
 * Runs each regular file of the guest's directory of that name, in alphabetical order, with the
 * guest's name as argument, params.cfg in the environment, and the guest's directory as working
 * directory. Stops at the first that fails, with its name in the error.
 */
bool scripts_run(const struct guest *g, const char *dir, GError **error);
