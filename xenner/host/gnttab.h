/*
 * The host's half of the domain's grant table: a backend (in domain 0) maps and copies what the
 * guest offers. The entries are in frames that the guest writes to at any time, with the protocol
 * of xen/grant_table.h; where the frames are is in struct emu_gnttab, which the guest could write
 * to as well. Every word is read once, checked, and what was checked is what is used.
 *
 * Threads: everything from any thread.
 */
#pragma once

#include "emu/abi/emu_abi.h"
#include "xenner/util/guest_mem.h"

#include <xen/xen.h>
#include <xen/grant_table.h>

struct gnttab;

struct gnttab_config {
    struct guest_mem *mem;           /* borrowed */
    const struct emu_gnttab *shared; /* in mem */
    mfn_t first_mfn; /* the guest's own frames start here; below, nothing is granted */
};

struct gnttab *gnttab_new(const struct gnttab_config *config);
/* Ends what is still mapped. Accepts NULL. */
void gnttab_free(struct gnttab *t);

/*
 * A pointer to the granted page, for as long as it is mapped; a writable one also may be read. The
 * guest sees in its entry that the page is in use. Returns 0, or
 *   -ENOENT  there is no such entry, or it grants nothing to domain 0 that can be mapped
 *   -EACCES  write access to a read-only grant
 *   -EFAULT  the granted frame is no memory of the guest's
 *   -EAGAIN  the entry changed under our hands, more often than an honest guest's does
 *   -EBUSY   mapped absurdly often
 */
int gnttab_map(struct gnttab *t, grant_ref_t ref, bool write, void **ret_page);
/* Undoes one gnttab_map() with the same ref and write. */
void gnttab_unmap(struct gnttab *t, grant_ref_t ref, bool write);

/*
 * len bytes between buf and the granted page, from offset on. Also for grants of a part of a page
 * (version 2). Errors as above; -EINVAL when the piece is not all inside what is granted.
 */
int gnttab_copy(struct gnttab *t, grant_ref_t ref, bool write, unsigned offset, void *buf,
                size_t len);

/* A frame of the guest's own, or NULL: it is no RAM, or emu's. */
void *gnttab_own_frame(struct gnttab *t, uint64_t frame);

/* How many grants are mapped now; for tests and statistics. */
unsigned gnttab_mapped(struct gnttab *t);
