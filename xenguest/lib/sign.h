/*
 * Signed images: signature/manifest lists every member, signature/manifest.minisig signs the list.
 * By hand, in an unpacked image:  minisign -V -m signature/manifest -p KEY.pub && sha256sum -c
 * signature/manifest
 */
#pragma once

#include "xenguest/lib/image.h"

#define XG_SIGNATURE "signature"

/* Adds the two members; the image is then to be saved. key_path, password: see minisign.h. */
bool xg_sign(struct xg_image *img, const char *key_path,
             char *(*password)(const char *key_path, GError **error), GError **error);
/*
 * True when the image has exactly the members that were signed with the secret key to key_path's
 * public one. The first member that differs is named in error. *ret_comment, when right: when it
 * was signed; free with g_free().
 */
bool xg_verify(struct xg_image *img, const char *key_path, char **ret_comment, GError **error);
