/*
 * The running machine: chardevs, a domain, its backends, and what happens to them. Every operation
 * that a front end offers exists here once.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/config/boot_source.h"
#include "xenner/config/vm_config.h"
#include "xenner/display/vnc_info.h"
#include "xenner/vm/control.h"
#include "xenner/vm/lifecycle.h"

struct vm;
struct vm_screen;
struct vm_disks;
struct vm_nets;
struct chardev;

/*
 * Opens all that is outside of the domain, which may wait for others. cfg is validated, and borrowed for the VM's
 * life, as is source: what the guest's boot menu starts, with cfg->boot.direct in place of a boot loader, else when the
 * boot loader says that it will start it (vm_handover.h); NULL: there is none.
 */
struct vm *vm_new(const struct vm_config *cfg, const struct boot_source *source, GError **error);
/* Builds the domain, stopped; once. From here on there is what a process that is just killed leaves behind. */
bool vm_build(struct vm *vm, GError **error);
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
/* An NMI for the guest's first vCPU, whether it runs or is stopped. */
bool vm_nmi(struct vm *vm, GError **error);
/* The balloon's aim; VM_EVENT_BALLOON tells what becomes of it. */
bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error);
/* Bytes that the guest has now. */
uint64_t vm_memory(const struct vm *vm);
/*
 * What the guest says of its memory, in bytes: a daemon in it writes data/meminfo_free and
 * data/meminfo_total, in KiB. False: nothing.
 */
bool vm_memory_stats(struct vm *vm, uint64_t *ret_free, uint64_t *ret_total);
/* A signal came: quits, or asks the guest first when the configuration says so (once: the second quits). */
void vm_terminate(struct vm *vm);
/* As if the user had closed it. */
void vm_quit(struct vm *vm, int status);
/* The guest starts again from the beginning, as after a power cut. Keeps running or stopped. */
bool vm_reset(struct vm *vm, GError **error);

enum vm_event_kind {
    VM_EVENT_RESUME,
    VM_EVENT_STOP,
    VM_EVENT_RESET,    /* by_guest */
    VM_EVENT_SHUTDOWN, /* by_guest, reason; before the process ends or the guest stays */
    VM_EVENT_POWERDOWN,
    VM_EVENT_PANICKED,
    VM_EVENT_DEVICE_DELETED, /* id: the guest has let go of it */
    VM_EVENT_TRAY,     /* id, open */
    VM_EVENT_BALLOON,  /* vm_memory() has changed */
    VM_EVENT_VNC,      /* vnc */
    VM_EVENT_IO_ERROR, /* disk_error; a STOP follows when the VM is stopped for it */
    VM_EVENT_CHARDEV,  /* id, open: somebody opened or closed a console's other end */
};

struct vm_event {
    enum vm_event_kind kind;
    bool by_guest;
    const char *reason; /* QEMU's ShutdownCause */
    const char *id;
    bool open;
    const struct vm_disk_error *disk_error; /* vm_disks.h */
    struct {
        unsigned i; /* the server's number in the configuration */
        enum vnc_event what;
        const struct vnc_address *client;
    } vnc;
};

typedef void (*vm_listener_fn)(void *opaque, const struct vm_event *event);
void vm_add_listener(struct vm *vm, vm_listener_fn fn, void *opaque);
void vm_remove_listener(struct vm *vm, vm_listener_fn fn, void *opaque);
const struct vm_config *vm_configuration(const struct vm *vm);
/* NULL: there is none of that id. Owned by the VM. */
struct chardev *vm_chardev(struct vm *vm, const char *id);
/* The thread that runs it, 0 when nobody knows. */
int vm_vcpu_tid(struct vm *vm, unsigned vcpu);
/* A vCPU's registers as text; a guest that runs is stopped for the moment. */
bool vm_registers(struct vm *vm, unsigned vcpu, GString *out, GError **error);
/* "tcg", "kvm" */
const char *vm_accel(const struct vm *vm);
/* The display and its VNC servers (vm_screen.h), for screenshots, passwords, keys. Borrowed. */
struct vm_screen *vm_screen(struct vm *vm);
/* For monitors: what is plugged, and to plug more (vm_disks.h, vm_nets.h). Borrowed. */
struct vm_disks *vm_disks(struct vm *vm);
struct vm_nets *vm_nets(struct vm *vm);
/* Who we are from now on: what is ours and stays open on disk becomes his. */
bool vm_give(struct vm *vm, uid_t uid, gid_t gid, GError **error);
/* Accepts NULL. */
void vm_free(struct vm *vm);
