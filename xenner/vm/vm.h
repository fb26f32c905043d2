/*
 * The running machine: chardevs, a domain, its backends, and what happens to them. Every operation
 * that a front end offers exists here once.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/vm/control.h"
#include "xenner/vm/lifecycle.h"

struct vm;

/* Opens everything and builds the domain, stopped. cfg is validated, and borrowed for the VM's life. */
struct vm *vm_new(const struct vm_config *cfg, GError **error);
/* Lets the guest run (unless it ended). */
bool vm_start(struct vm *vm, GError **error);
bool vm_stop(struct vm *vm, GError **error);
enum run_state vm_run_state(const struct vm *vm);
/* Called once when the process should end, with its exit status. */
void vm_set_quit_handler(struct vm *vm, void (*fn)(void *opaque, int status), void *opaque);
/*
 * Asks the guest to power off, reboot, halt or press a magic key: what it makes of that is its own affair.
 * Fails when it says that it can't, or is not running.
 */
bool vm_system_powerdown(struct vm *vm, GError **error);
bool vm_ask_power(struct vm *vm, enum control_power what, GError **error);
bool vm_sysrq(struct vm *vm, char key, GError **error);
/* The balloon's aim. */
bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error);
/* A signal came: quits, or asks the guest first when the configuration says so (once: the second quits). */
void vm_terminate(struct vm *vm);
/* As if the user had closed it. */
void vm_quit(struct vm *vm, int status);
/* "tcg", "kvm" */
const char *vm_accel(const struct vm *vm);
/* Accepts NULL. */
void vm_free(struct vm *vm);
