/*
 * Image files encrypted with OpenPGP, by the gpg of whoever calls: its keys, its agent, its idea of
 * trust.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * recipients: names or fingerprints, each of which must mean one key; NULL at the end. from is an
 * image file.
 */
bool crypt_encrypt(const char *from, const char *to, char **recipients, GError **error);
/* to is written only when what comes out is an image. */
bool crypt_decrypt(const char *from, const char *to, GError **error);
