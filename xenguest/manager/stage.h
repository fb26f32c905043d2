/*
 * What becomes of an image's members when a guest is made of it: its disk, and its directory. Who
 * holds the stage's lock calls these, in this order.
 */
#pragma once

#include "xenguest/lib/diskcfg.h"
#include "xenguest/lib/image.h"
#include "xenguest/manager/settings.h"

/* A guest that is being made. */
struct stage {
    const struct settings *s;
    const char *name;
    char *dir;    /* GUESTS/.new-NAME */
    char *volume; /* NULL: none yet */
    int lock;
};

/* A file in the stage's directory; caller frees. */
char *stage_file(const struct stage *st, const char *name);
/* disk.cfg of the image, or one that asks for no disk. *ret is to be cleared either way. */
bool stage_read_diskcfg(struct xg_image *img, struct diskcfg *ret, GError **error);
/* Notes in the state file what will be made, then makes it. */
bool stage_make_disk(struct stage *st, struct xg_image *img, const struct diskcfg *cfg,
                     GError **error);
/* All but the disk's contents goes to the stage's "guest". */
bool stage_unpack(struct stage *st, struct xg_image *img, GError **error);
