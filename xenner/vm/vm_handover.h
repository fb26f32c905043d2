/*
 * GRUB chooses, xenner starts: GRUB prints which entry of its menu it will start, and is relieved of starting it, as it
 * unpacks kernels inside the guest. It stays as it is where there is any doubt: what it has not finished it does itself.
 *
 * Threads: the main loop's. All accept NULL.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct domain;
struct vm;
struct vm_handover;

/* Of a VM with a source (vm_new()); borrowed. */
struct vm_handover *vm_handover_new(struct vm *vm);
/* A boot loader is in d, the VM's domain from now on: what console 0 says counts. */
void vm_handover_begin(struct vm_handover *h, struct domain *d);
void vm_handover_hear(struct vm_handover *h, const uint8_t *data, size_t len);
/* Nothing is built ahead any more, and the VM's source free to be asked. */
void vm_handover_drop_ahead(struct vm_handover *h);
/* The domain goes. */
void vm_handover_end(struct vm_handover *h);
void vm_handover_free(struct vm_handover *h);
