/*
 * The screen, the keyboard and VNC of a running machine, as front ends use them.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/display/vnc_info.h"
#include "xenner/vm/vm.h"

enum vm_shot_format { VM_SHOT_PPM, VM_SHOT_PNG };

/* False: the guest is an HVM guest, whose VGA, keyboard and VNC are the device model's. */
bool vm_has_screen(struct vm *vm, GError **error);
/* What is shown now, to a file. */
bool vm_screendump(struct vm *vm, const char *path, enum vm_shot_format format, GError **error);

/* Linux's code of a key by QEMU's name of it, or by its PC scan code; 0: there is none. */
unsigned vm_key_by_name(const char *name);
unsigned vm_key_by_number(uint32_t number);
/* All down in order, held, and up again; after what was sent before. */
bool vm_send_keys(struct vm *vm, const unsigned *codes, unsigned n, unsigned hold_ms, GError **error);

/* Down or up for good; buttons (BTN_LEFT...) are keys, too. Lost when the guest takes no input. */
void vm_key(struct vm *vm, unsigned code, bool down);
#define VM_POINTER_MAX 0x7fff
/* 0 to VM_POINTER_MAX from the picture's left and top; negative: stays. */
void vm_pointer(struct vm *vm, int x, int y);
void vm_pointer_move(struct vm *vm, int dx, int dy);
void vm_wheel(struct vm *vm, int steps); /* up is negative */
bool vm_pointer_is_absolute(struct vm *vm);

/* The VNC servers are those of the configuration, by their number there. */
const struct vnc_config *vm_vnc_config(struct vm *vm, unsigned i); /* NULL: no more */
unsigned vm_vnc_clients(struct vm *vm, unsigned i);
const struct vnc_address *vm_vnc_client(struct vm *vm, unsigned i, unsigned client); /* borrowed */
/* False: listens nowhere. *ret is the caller's to clear. */
bool vm_vnc_address(struct vm *vm, unsigned i, struct vnc_address *ret);
/* id NULL: the first. secret NULL: nobody comes in any more. */
bool vm_vnc_set_password(struct vm *vm, const char *id, const char *secret, GError **error);
/* Seconds since 1970; 0: now, -1: never. */
bool vm_vnc_expire(struct vm *vm, const char *id, int64_t when, GError **error);
/* A connected socket for the first server, which takes it over, but for an error. */
bool vm_vnc_add_client(struct vm *vm, int fd, bool skip_auth, GError **error);
