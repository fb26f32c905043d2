/*
 * An image while options change it: its configurations, read when first needed and put back in the
 * end.
 */
#pragma once

#include "xenguest/lib/assign.h"
#include "xenguest/lib/image.h"
#include "xenguest/lib/xlcfg.h"

struct edit {
    struct xg_image *img;
    bool partial; /* what is not there starts empty, not with defaults */
    struct xlcfg *guest;
    struct assign *params, *disk;
};

/* Parsed at first use; NULL with error set. Owned by e. */
struct xlcfg *edit_guest(struct edit *e, GError **error);
struct assign *edit_params(struct edit *e, GError **error);
struct assign *edit_disk(struct edit *e, GError **error);

/* Back to how create makes them; what belonged to them goes: files/ and guest.d/, disk/. */
bool edit_reset_guest(struct edit *e, GError **error);
bool edit_reset_params(struct edit *e, GError **error);
bool edit_reset_disk(struct edit *e, GError **error);

/* The members and directories that a new image has. */
bool edit_create(struct edit *e, GError **error);
/* Checks what was changed and puts it into the image. */
bool edit_finish(struct edit *e, GError **error);
void edit_clear(struct edit *e);
