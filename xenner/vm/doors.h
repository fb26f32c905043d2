/*
 * How other programs get at a running guest: its directory (util/rundir.h) with the socket of its
 * xenstore, "xenstore", and a file "console.N" a console that says where that is. A guest runs
 * without them too. Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/domain/domain.h"

struct vm_doors;

/* NULL, and a warning, when there can't be a directory. All others accept that. */
struct vm_doors *vm_doors_new(const struct vm_config *cfg);
/* The socket serves the domain's xenstore; NULL: no domain for now. */
void vm_doors_serve(struct vm_doors *doors, struct domain *domain);
/* Where console n of the domain is: the chardev's label. */
void vm_doors_console(struct vm_doors *doors, struct domain *domain, unsigned n, const char *label);
/* Its directory becomes that user's: xenner goes on as him. */
bool vm_doors_give(struct vm_doors *doors, uid_t uid, gid_t gid, GError **error);
void vm_doors_free(struct vm_doors *doors);
