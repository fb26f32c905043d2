/* sign.c, minisign.c: what was signed is verified, and nothing else. */
#include "tar_maker.h"

#include "xenguest/lib/minisign.h"
#include "xenguest/lib/sign.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char *no_password(const char *key_path, GError **error)
{
    fail_msg("%s has no password", key_path);
    return NULL;
}

static char *key(const char *suffix)
{
    return g_strdup_printf("%s/test-key.%s", g_getenv("XENNER_TEST_GOLDEN"), suffix);
}

static struct xg_image *image(void)
{
    g_autoptr(GString) tar = g_string_new(NULL);
    char path[] = "/tmp/test-xg-XXXXXX";
    int fd = mkstemp(path);

    tar_image(tar);
    assert_true(fd >= 0 && write(fd, tar->str, tar->len) == (ssize_t)tar->len);
    struct xg_image *img = xg_image_open(path, NULL);
    assert_non_null(img);
    close(fd);
    unlink(path);
    return img;
}

static void expect(struct xg_image *img, const char *want)
{
    g_autofree char *pub = key("pub"), *comment = NULL;
    g_autoptr(GError) error = NULL;
    bool ok = xg_verify(img, pub, &comment, &error);

    if (want) {
        assert_false(ok);
        assert_null(comment);
        assert_string_equal(error->message, want);
    } else {
        assert_true(ok);
        assert_true(g_str_has_prefix(comment, "timestamp:"));
    }
}

static void set(struct xg_image *img, const char *name, const char *text)
{
    assert_true(xg_image_set_data(img, name, text, strlen(text), 0644, NULL));
}

static void images(void **state)
{
    AUTO(xg_image) img = image();
    g_autofree char *sec = key("sec"), *pub = key("pub");
    g_autofree char *script = xg_image_read(img, "init.d/10-a", NULL, NULL);

    expect(img, "it is not signed");
    assert_false(xg_sign(img, pub, no_password, NULL));
    assert_true(xg_sign(img, sec, no_password, NULL));
    expect(img, NULL);
    assert_true(xg_sign(img, sec, no_password, NULL)); /* again: the old one is not signed with */
    expect(img, NULL);
    assert_true(xg_image_set_dir(img, "empty", NULL)); /* there is nothing in it */
    expect(img, NULL);
    set(img, "init.d/10-a", "#!/bin/sh\necho evil\n");
    expect(img, "init.d/10-a: it is not what was signed");
    set(img, "init.d/10-a", script);
    expect(img, NULL);
    set(img, "init.d/05-more", "#!/bin/sh\n");
    expect(img, "init.d/05-more: it is not what was signed");
    assert_true(xg_image_remove(img, "init.d/05-more"));
    set(img, "signature/more", "");
    expect(img, "signature/more: it is not what was signed");
    assert_true(xg_image_remove(img, "signature/more"));
    assert_true(xg_image_remove(img, "files/again"));
    expect(img, "files/again: it is not what was signed");
    assert_true(xg_image_remove(img, "signature"));
    set(img, "signature", "a file");
    expect(img, "it is not signed");
}

static void signatures(void **state)
{
    g_autofree char *sec = key("sec"), *pub = key("pub");
    g_autofree char *text = minisign_sign("data", 4, sec, "a comment", no_password, NULL);
    g_autofree char *comment = NULL;

    assert_non_null(text);
    assert_true(minisign_verify("data", 4, text, pub, &comment, NULL));
    assert_string_equal(comment, "a comment");
    assert_false(minisign_verify("date", 4, text, pub, &comment, NULL));
    /* No bit of what is signed can be turned; the first line is for people. */
    for (char *p = strchr(text, '\n') + 1; *p; p++) {
        g_autofree char *other = NULL;
        if (*p == '\n' || *p == '=')
            continue;
        *p ^= 4;
        if (minisign_verify("data", 4, text, pub, &other, NULL))
            fail_msg("%zu: a changed signature is right", (size_t)(p - text));
        *p ^= 4;
    }
    g_autofree char *other = NULL;
    assert_true(minisign_verify("data", 4, text, pub, &other, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images),
        cmocka_unit_test(signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
