#include "xenner/bootdisk/grub_test.h"

#include <string.h>

struct tester {
    const GPtrArray *args;
    guint at;
    grub_exists_fn *exists;
    void *opaque;
    bool unknown;
};

static const char *word(const struct tester *t, guint ahead)
{
    return t->at + ahead < t->args->len ? g_ptr_array_index(t->args, t->at + ahead) : NULL;
}

static bool is(const struct tester *t, guint ahead, const char *what)
{
    const char *w = word(t, ahead);

    return w && strcmp(w, what) == 0;
}

static bool is_equality(const char *w)
{
    return w && (strcmp(w, "=") == 0 || strcmp(w, "==") == 0 || strcmp(w, "!=") == 0);
}

/* -d is for a directory, which is none of the files that are known. */
static bool one_of(struct tester *t, char what, const char *value)
{
    switch (what) {
    case 'n':
        return *value != '\0';
    case 'z':
        return *value == '\0';
    case 's':
    case 'f':
    case 'e':
        return t->exists && t->exists(t->opaque, value);
    default:
        t->unknown = true;
        return false;
    }
}

static bool primary(struct tester *t)
{
    const char *w = word(t, 0), *next = word(t, 1);
    bool joins = next && (strcmp(next, "-a") == 0 || strcmp(next, "-o") == 0);

    if (!w)
        return false;
    if (is_equality(next)) {
        const char *other = word(t, 2) ? word(t, 2) : "";
        bool same = strcmp(w, other) == 0;
        t->at += 3;
        return same == (next[0] == '=');
    }
    if (w[0] == '-' && w[1] && !w[2] && next && !joins) {
        t->at += 2;
        return one_of(t, w[1], next);
    }
    t->at++;
    return *w != '\0';
}

static bool negated(struct tester *t)
{
    bool no = false;

    while (is(t, 0, "!") && !is_equality(word(t, 1))) {
        no = !no;
        t->at++;
    }
    return primary(t) != no;
}

static bool conjunction(struct tester *t)
{
    bool yes = negated(t);

    while (is(t, 0, "-a")) {
        t->at++;
        yes &= negated(t);
    }
    return yes;
}

bool grub_test(const GPtrArray *args, guint at, grub_exists_fn *exists, void *opaque, bool *unknown)
{
    struct tester t = {args, at, exists, opaque, false};
    bool yes = conjunction(&t);

    while (is(&t, 0, "-o")) {
        t.at++;
        yes |= conjunction(&t);
    }
    *unknown |= t.unknown || t.at < args->len;
    return yes;
}
