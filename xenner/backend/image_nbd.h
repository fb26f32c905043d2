/* An image behind an NBD server on a connected socket. */
#pragma once

#include "xenner/backend/disk_image.h"

struct nbd_config {
    int fd;             /* taken; a stream socket */
    bool readonly, write_through, no_flush, discard;
    void (*closed)(void *opaque); /* after the last of the image, in disk_image_free() */
    void *opaque;
};

/* Shakes hands: waits for the server. The export's name is "disk". closed is not called on failure. */
struct disk_image *image_nbd_open(const struct nbd_config *config, struct blk_io *io, GError **error);
