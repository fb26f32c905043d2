/*
 * Keys and signatures in the files of minisign(1), prehashed ("ED": Ed25519 over BLAKE2b-512), as
 * its manual gives the formats. A signature made here is one for minisign -V, and the other way
 * around.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A signature's text of data by the secret key in key_path. Free with g_free(). password is asked
 * for only when the key has one: it returns it, to be freed, or NULL with error set.
 */
char *minisign_sign(const void *data, size_t len, const char *key_path, const char *comment,
                    char *(*password)(const char *key_path, GError **error), GError **error);
/*
 * True when text is a signature of data by the public key in key_path. *ret_comment: its trusted
 * comment.
 */
bool minisign_verify(const void *data, size_t len, const char *text, const char *key_path,
                     char **ret_comment, GError **error);
