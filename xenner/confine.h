/* -sandbox, -runas and -chroot: before a guest's files are opened, and after. */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/util/spawner.h"
#include "xenner/vm/vm.h"

/*
 * Before there are threads or children. Opens in cfg what a reboot reads again, and starts in *ret what
 * will start programs for us; NULL when cfg asks for nothing of the kind.
 */
bool confine_prepare(struct vm_config *cfg, struct spawner **ret, GError **error);
/* All is open. For good; *spawner does the rest from now on. */
bool confine_enter(const struct vm_config *cfg, struct vm *vm, struct spawner *spawner, GError **error);
/* The reverse of prepare. */
void confine_end(struct vm_config *cfg, struct spawner *spawner);
