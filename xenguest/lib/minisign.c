#include "xenguest/lib/minisign.h"

#include <gio/gio.h>
#include <sodium.h>
#include <string.h>

#define KEY_ID     8
#define MEMORY_MAX (1ull << 30) /* what minisign itself takes for a key's password */

struct public_key {
    unsigned char alg[2], id[KEY_ID], key[crypto_sign_PUBLICKEYBYTES];
};

/* What is below the password: id, key and checksum. */
struct secret_part {
    unsigned char id[KEY_ID], key[crypto_sign_SECRETKEYBYTES], sum[32];
};

struct secret_key {
    unsigned char alg[2], kdf[2], sum_alg[2], salt[32], ops[8], memory[8];
    struct secret_part part;
};

struct signature {
    unsigned char alg[2], id[KEY_ID], sig[crypto_sign_BYTES];
};

G_STATIC_ASSERT(sizeof(struct public_key) == 42);
G_STATIC_ASSERT(sizeof(struct secret_key) == 158);
G_STATIC_ASSERT(sizeof(struct signature) == 74);

static bool wrong(GError **error, const char *path, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", path, what);
    return false;
}

static bool ready(GError **error)
{
    return sodium_init() >= 0 || wrong(error, "libsodium", "could not be initialised");
}

static bool decode(const char *line, void *to, size_t len)
{
    size_t got;

    return sodium_base642bin(to, len, line, strcspn(line, "\r\n"), NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == len;
}

static char *encode(const void *data, size_t len)
{
    return g_base64_encode(data, len);
}

/* A key is on the second line, below a comment. */
static bool load_key(const char *path, void *to, size_t len, const char *what, GError **error)
{
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(path, &text, &size, error))
        return false;
    const char *line = strchr(text, '\n');
    bool ok = line && decode(line + 1, to, len) && !memcmp(to, "Ed", 2);
    sodium_memzero(text, size);
    return ok || wrong(error, path, what);
}

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t n = 0;

    for (int i = 7; i >= 0; i--)
        n = n << 8 | bytes[i];
    return n;
}

static bool unlock(struct secret_key *key, const char *path,
                   char *(*password)(const char *, GError **), GError **error)
{
    unsigned char stream[sizeof(key->part)];
    uint64_t memory = little_endian(key->memory), ops = little_endian(key->ops);

    if (memory > MEMORY_MAX)
        return wrong(error, path, "its password needs more memory than any should");
    char *pass = password(path, error);
    if (!pass)
        return false;
    int rc = crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), pass, strlen(pass),
                                                key->salt, ops, (size_t)memory);
    sodium_memzero(pass, strlen(pass));
    g_free(pass);
    if (rc)
        return wrong(error, path, "there is not enough memory for its password");
    unsigned char *part = (unsigned char *)&key->part;
    for (size_t i = 0; i < sizeof(stream); i++)
        part[i] ^= stream[i];
    sodium_memzero(stream, sizeof(stream));
    return true;
}

static bool check_password(const struct secret_key *key, const char *path, GError **error)
{
    crypto_generichash_state state;
    unsigned char sum[sizeof(key->part.sum)];

    crypto_generichash_init(&state, NULL, 0, sizeof(sum));
    crypto_generichash_update(&state, key->alg, sizeof(key->alg));
    crypto_generichash_update(&state, key->part.id, sizeof(key->part.id));
    crypto_generichash_update(&state, key->part.key, sizeof(key->part.key));
    crypto_generichash_final(&state, sum, sizeof(sum));
    return sodium_memcmp(sum, key->part.sum, sizeof(sum)) == 0 ||
           wrong(error, path, "wrong password");
}

static bool load_secret(const char *path, struct secret_key *key,
                        char *(*password)(const char *, GError **), GError **error)
{
    static const unsigned char none[2];

    if (!load_key(path, key, sizeof(*key), "not a secret key of minisign", error))
        return false;
    bool locked = memcmp(key->kdf, none, 2);
    if (memcmp(key->sum_alg, "B2", 2) || (locked && memcmp(key->kdf, "Sc", 2)))
        return wrong(error, path, "a kind of secret key that is not known");
    /* Without a password there is no checksum. */
    return !locked || (unlock(key, path, password, error) && check_password(key, path, error));
}

/* The trusted comment is signed with the signature that it stands below. */
static GString *with_comment(const struct signature *sig, const char *comment)
{
    GString *both = g_string_new_len((const char *)sig->sig, sizeof(sig->sig));

    return g_string_append(both, comment);
}

char *minisign_sign(const void *data, size_t len, const char *key_path, const char *comment,
                    char *(*password)(const char *key_path, GError **error), GError **error)
{
    unsigned char hash[crypto_generichash_BYTES_MAX], global[crypto_sign_BYTES];
    struct signature sig = {.alg = "ED"};
    struct secret_key key;
    bool ok = ready(error) && load_secret(key_path, &key, password, error);

    if (ok) {
        memcpy(sig.id, key.part.id, sizeof(sig.id));
        crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
        crypto_sign_detached(sig.sig, NULL, hash, sizeof(hash), key.part.key);
        g_autoptr(GString) both = with_comment(&sig, comment);
        crypto_sign_detached(global, NULL, (unsigned char *)both->str, both->len, key.part.key);
    }
    sodium_memzero(&key, sizeof(key));
    if (!ok)
        return NULL;
    g_autofree char *first = encode(&sig, sizeof(sig)), *second = encode(global, sizeof(global));
    return g_strdup_printf("untrusted comment: signature of a xenguest image\n%s\n"
                           "trusted comment: %s\n%s\n",
                           first, comment, second);
}

static bool parse_signature(const char *text, struct signature *sig, char **ret_comment,
                            unsigned char *global)
{
    static const char trusted[] = "trusted comment: ";
    g_auto(GStrv) lines = g_strsplit(text, "\n", 5);

    if (g_strv_length(lines) < 4 || !g_str_has_prefix(lines[2], trusted) ||
        !decode(lines[1], sig, sizeof(*sig)) || memcmp(sig->alg, "ED", 2) ||
        !decode(lines[3], global, crypto_sign_BYTES))
        return false;
    *ret_comment = g_strdup(g_strchomp(lines[2] + strlen(trusted)));
    return true;
}

bool minisign_verify(const void *data, size_t len, const char *text, const char *key_path,
                     char **ret_comment, GError **error)
{
    unsigned char hash[crypto_generichash_BYTES_MAX], global[crypto_sign_BYTES];
    struct signature sig;
    struct public_key key;
    g_autofree char *comment = NULL;

    if (!ready(error) ||
        !load_key(key_path, &key, sizeof(key), "not a public key of minisign", error))
        return false;
    if (!parse_signature(text, &sig, &comment, global))
        return wrong(error, "the signature", "it is damaged");
    if (memcmp(sig.id, key.id, sizeof(key.id)))
        return wrong(error, "the signature", "it was made with another key");
    crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
    g_autoptr(GString) both = with_comment(&sig, comment);
    if (crypto_sign_verify_detached(sig.sig, hash, sizeof(hash), key.key) ||
        crypto_sign_verify_detached(global, (unsigned char *)both->str, both->len, key.key))
        return wrong(error, "the signature", "it is not right");
    *ret_comment = g_steal_pointer(&comment);
    return true;
}
