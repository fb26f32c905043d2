/*
 * An image in front of an NBD server's (image_nbd.h), with a shorter way to the same server: a vhost-user-blk device,
 * to which reads and writes go as descriptors of the guest's own memory. What doesn't fit there goes the way below,
 * and what fails does so again, as virtio-blk does not tell the errno.
 */
#pragma once

#include "xenner/backend/disk_image.h"

/* below is taken. no_flush: nobody cares for flushes. fd: as image_vhost_connect()'s. */
struct disk_image *image_vhost(struct disk_image *below, bool no_flush, int fd);
/*
 * What is under way there is done, and from now on all goes below; until there is a new server, on a connected socket
 * (taken; -1: none). Main loop's thread.
 */
void image_vhost_disconnect(struct disk_image *img);
void image_vhost_connect(struct disk_image *img, int fd);
