/* Between the files of the group "grants". */
#pragma once

#include "mem.h"

#include <xen/grant_table.h>

#define OUR_ID 1 /* the guest's own number, as a grant to itself has it */

#define gnttab(cmd, arg, count) hypercall(grant_table_op, cmd, arg, count)

/* The status, or 1000 when the call itself failed. */
int grants_setup(uint32_t frames, domid_t dom, xen_pfn_t *list);
int grants_copy(struct gnttab_copy *op);
/* 16 bytes from frame to frame. */
struct gnttab_copy grants_frames(const void *from, const void *to);
/* Version 2, and back. table: the table's first frame. */
void grants_versions(uint8_t *table);
