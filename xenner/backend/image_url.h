/* Images that a server has, by QEMU's URLs, as qemu-storage-daemon wants them. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* SCHEME://... or rbd:..., whether we know it or not. */
bool image_is_url(const char *path);
/*
 * nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, ssh://[USER@]HOST[:PORT]/PATH, rbd:POOL/IMAGE,
 * http://..., https://...: the block node as JSON, the caller's. NULL with a one-line error.
 */
char *image_url_node(const char *url, GError **error);
