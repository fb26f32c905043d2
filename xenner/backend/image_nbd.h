/* An image behind an NBD server on a connected socket. */
#pragma once

#include "xenner/backend/disk_image.h"

struct nbd_config {
    int fd;             /* taken; a stream socket */
    bool readonly, write_through, no_flush, discard;
    void (*closed)(void *opaque); /* after the last of the image, in disk_image_free() */
    /* The server's image gets another size; see disk_image.h. */
    bool (*resize)(void *opaque, struct disk_image *img, uint64_t bytes, GError **error);
    void *opaque;
};

/*
 * Loads the library that all of this needs; image_nbd_open() does it by itself where it can still be found (not behind
 * chroot).
 */
bool image_nbd_prepare(GError **error);
/* Shakes hands: waits for the server. The export's name is "disk". closed is not called on failure. */
struct disk_image *image_nbd_open(const struct nbd_config *config, struct blk_io *io, GError **error);
/*
 * Lets go of the server: returns when all that was under way is done and flushed. Requests wait until
 * image_nbd_resume(), which has a new connection (taken); false: it is of no use, and they fail. Main loop's
 * thread.
 */
void image_nbd_suspend(struct disk_image *img);
bool image_nbd_resume(struct disk_image *img, int fd, GError **error);
