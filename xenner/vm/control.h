/*
 * What the toolstack asks of a running guest through xenstore: power, magic sysrq, memory. The guest takes
 * a request in control/ by emptying its node. A request that comes before the guest's driver is up
 * waits for it there.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/host/xen_host.h"

enum control_power { CONTROL_POWEROFF, CONTROL_REBOOT, CONTROL_HALT };

/* Fails when the guest says that it can't (control/feature-... is 0). */
bool control_power(struct xen_host *host, enum control_power what, GError **error);
/* Has the guest said that it does what control_power() asks? */
bool control_power_known(struct xen_host *host);
/* key: a letter or a digit, as after Alt-SysRq. */
bool control_sysrq(struct xen_host *host, char key, GError **error);
/* Has the guest taken the last request for power, or was there none? */
bool control_power_taken(struct xen_host *host);
/* The balloon's aim: what the guest shall have of its memory. It may be slow, or never get there. */
bool control_memory(struct xen_host *host, uint64_t bytes, GError **error);
/* What a daemon in the guest wrote of its memory, in bytes; false: none did. */
bool control_memory_stats(struct xen_host *host, uint64_t *ret_free, uint64_t *ret_total);
