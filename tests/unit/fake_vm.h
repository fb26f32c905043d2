/* struct vm without a guest: what the monitors ask of it, noted. */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/vm/vm.h"

/* cfg and chr are borrowed; chr is the chardev of every monitor. */
struct vm *fake_vm_new(const struct vm_config *cfg, struct chardev *chr);
void fake_vm_free(struct vm *vm);
/* What was called, as "start stop quit(0)". */
const char *fake_vm_calls(const struct vm *vm);
void fake_vm_tell(struct vm *vm, struct vm_event event);
