/* Between the files of the machine: vm.c is its life, vm_consoles.c its terminals, vm_ask.c what the guest is asked. */
#pragma once

#include "xenner/vm/vm.h"

struct vm_doors;
struct vm_handover;

struct vm {
    const struct vm_config *cfg;
    const struct boot_source *source; /* or NULL; vm_source.h's */
    char *source_disks;               /* and what it was made of, owned */
    struct vm_handover *handover;     /* NULL: a boot loader keeps what it starts */
    GPtrArray *chardevs;              /* struct chardev *, owned */
    struct domain *domain;            /* NULL: a machine without a guest */
    struct vm_doors *doors;           /* NULL: there is no runtime directory */
    GPtrArray *consoles;              /* struct console_backend *, owned; the first is console 0 */
    struct vm_screen *screen;
    struct vm_disks *disks;
    struct vm_nets *nets;
    enum run_state state;
    GArray *listeners;                /* struct listener */
    const char *accel;                /* of a machine without a guest */
    bool quitting;
    bool asked_to_end;                /* vm_terminate() asked the guest, which has until: */
    guint patience;
    guint ballooning;                 /* source, while the balloon moves */
    uint64_t balloon_was;
    unsigned balloon_quiet;
    void (*quit)(void *opaque, int status);
    void *quit_opaque;
};

void vm_tell(struct vm *vm, struct vm_event event);
/* What a boot loader would start. */
struct vm_handed_over {
    const struct boot_images *images;
    struct domain *prepared; /* made of them already, or NULL; taken */
};

/* As a reboot by the guest, of which nobody is told, into that instead of what the configuration says. Quits when that fails. */
void vm_start_handed_over(struct vm *vm, const struct vm_handed_over *what);
/* vm_consoles.c: what the configuration has of them. Closed by emptying the lists. */
bool vm_open_chardevs(struct vm *vm, GError **error);
bool vm_open_consoles(struct vm *vm, GError **error); /* of a new domain */
