/* A frontend of a disk, xvda, with one page of data. */
#pragma once

#include "front.h"

#define xen_mb()  smp_mb()
#define xen_rmb() smp_mb()
#define xen_wmb() smp_mb()
#include <xen/io/blkif.h>

struct blk_front {
    struct front front;
    blkif_front_ring_t ring;
    grant_ref_t data_ref;
    char *data; /* a block */
};

/* flags of the data's grant: 0 or GTF_readonly. */
void blk_front_connect(struct blk_front *f, uint16_t flags);
/* A request that blk_front_push() shows to the host. Reads and writes: a block of 4 KiB. */
void blk_front_add(struct blk_front *f, uint8_t operation, unsigned block);
/* True: the host had asked to be told, and was. */
bool blk_front_push(struct blk_front *f);
