/*
 * What the boot loader will most likely start is built while the boot loader runs: a domain that is ready by the time
 * its choice is known. It is only used for exactly those images; otherwise its making was in vain.
 *
 * Threads: the main loop's; it has a thread of its own, and meanwhile the source is that one's.
 */
#pragma once

#include "xenner/domain/domain.h"

struct boot_ahead;

/* cfg, source and accel are borrowed for its life. */
struct boot_ahead *boot_ahead_new(const struct vm_config *cfg, const struct boot_source *source, const char *accel);
/* Returns when its thread is at its end, and the source free to be asked. Accepts NULL. */
void boot_ahead_wait(struct boot_ahead *b);
/* A domain for domain_complete(), the caller's; NULL: it was made of something else, or not at all. Accepts NULL. */
struct domain *boot_ahead_take(struct boot_ahead *b, const struct boot_images *images);
/* Waits as well. Accepts NULL. */
void boot_ahead_free(struct boot_ahead *b);
