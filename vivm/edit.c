#include "vivm/edit.h"
#include "libvirt-xml/xml_check.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>

struct edit {
    const struct edit_ops *ops;
    void *opaque;
    struct draft *draft;
    char *before; /* the definition that the edit started from */
    char *after;  /* the text as it is now */
};

/* What can be wrong with a text, by what may be done about it. */
enum problem {
    PROBLEM_NONE,
    PROBLEM_TEXT,  /* it can't be defined */
    PROBLEM_DOUBT, /* the user may know better */
};

static void G_GNUC_PRINTF(2, 3) say(struct edit *e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    e->ops->say(e->opaque, text);
}

/* Out of the way, but there. When even that fails it is where it was. */
static enum edit_end keep(struct edit *e)
{
    g_autofree char *path = draft_exists(e->draft) ? draft_keep(e->draft, NULL) : NULL;

    if (!path && !draft_exists(e->draft)) {
        say(e, "Not defined, and the file is gone.");
        return EDIT_FAILED;
    }
    say(e, "Not defined. Your text is in %s", path ? path : draft_path(e->draft));
    return EDIT_KEPT;
}

static enum problem check(struct edit *e)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_parse(e->after, strlen(e->after), "line", &error);

    if (!doc) {
        say(e, "%s", error->message);
        return PROBLEM_TEXT;
    }
    g_autoptr(GPtrArray) issues = domain_check(doc, false);
    for (guint i = 0; i < issues->len; i++) {
        g_autofree char *text = xml_issue_text(g_ptr_array_index(issues, i), "line");
        say(e, "%s", text);
    }
    return domain_check_errors(issues) ? PROBLEM_DOUBT : PROBLEM_NONE;
}

/* Somebody else's work must not be lost either. */
static enum problem check_concurrency(struct edit *e)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *now = e->ops->fetch(e->opaque, &error);

    if (!now) {
        say(e, "%s", error->message);
        return PROBLEM_TEXT;
    }
    if (strcmp(now, e->before) == 0)
        return PROBLEM_NONE;
    say(e, "Somebody else has changed the definition meanwhile:");
    e->ops->diff(e->opaque, e->before, now);
    g_free(e->before);
    e->before = g_steal_pointer(&now);
    return PROBLEM_DOUBT;
}

/* With a backup of what it replaces, which is worth nothing when it is not replaced. */
static enum problem define(struct edit *e, bool careful)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *backup = draft_backup(e->draft, e->before, &error);

    if (backup && e->ops->define(e->opaque, e->after, careful, &error)) {
        draft_remove(e->draft);
        say(e, "Defined. The former definition is in %s", backup);
        return PROBLEM_NONE;
    }
    if (backup)
        g_remove(backup);
    say(e, "%s", error->message);
    return careful ? PROBLEM_DOUBT : PROBLEM_TEXT;
}

/* *ret_end is set when the loop is over. */
static bool resolve(struct edit *e, enum problem problem, bool *ret_anyway, enum edit_end *ret_end)
{
    char answer = e->ops->ask(e->opaque,
                              problem == PROBLEM_DOUBT
                                  ? "[e]dit again, [d]efine all the same, or [k]eep the text and stop?"
                                  : "[e]dit again, or [k]eep the text and stop?",
                              problem == PROBLEM_DOUBT ? "edk" : "ek");

    *ret_anyway = answer == 'd';
    if (answer == 'e' || answer == 'd')
        return false;
    *ret_end = keep(e);
    return true;
}

/* What a text goes through; "all the same" leads from one to the next. */
enum stage { STAGE_CHECK, STAGE_CONCURRENCY, STAGE_DEFINE, STAGE_DEFINE_ANYWAY };

static enum problem run_stage(struct edit *e, enum stage stage)
{
    switch (stage) {
    case STAGE_CHECK:
        return check(e);
    case STAGE_CONCURRENCY:
        return check_concurrency(e);
    case STAGE_DEFINE:
        e->ops->diff(e->opaque, e->before, e->after);
        return define(e, true);
    case STAGE_DEFINE_ANYWAY:
        return define(e, false);
    }
    return PROBLEM_TEXT;
}

/* Everything between two visits to the editor; false: once more. */
static bool try_text(struct edit *e, enum edit_end *ret_end)
{
    for (enum stage stage = STAGE_CHECK; stage <= STAGE_DEFINE_ANYWAY; stage++) {
        enum problem problem = run_stage(e, stage);
        bool anyway = false;
        if (problem == PROBLEM_NONE && stage < STAGE_DEFINE)
            continue;
        if (problem == PROBLEM_NONE) {
            *ret_end = EDIT_DEFINED;
            return true;
        }
        if (resolve(e, problem, &anyway, ret_end))
            return true;
        if (!anyway)
            return false;
    }
    return false; /* the last stage can't be overruled */
}

/* The editor, once. False: *ret_end says why there is nothing to try. */
static bool visit_editor(struct edit *e, enum edit_end *ret_end)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        bool left = e->ops->editor(e->opaque, draft_path(e->draft), &error), anyway;
        g_free(e->after);
        e->after = draft_read(e->draft, left ? &error : NULL);
        if (error)
            say(e, "%s", error->message);
        if (e->after && strcmp(e->after, e->before) == 0) {
            draft_remove(e->draft);
            if (left)
                say(e, "Unchanged.");
            *ret_end = left ? EDIT_UNCHANGED : EDIT_FAILED;
            return false;
        }
        if (!error)
            return true;
        if (resolve(e, PROBLEM_TEXT, &anyway, ret_end))
            return false;
    }
}

static enum edit_end loop(struct edit *e)
{
    enum edit_end end;

    while (visit_editor(e, &end)) {
        if (try_text(e, &end))
            break;
    }
    return end;
}

/* What an earlier vivm, killed in the middle, left: not lost either way. False: stop here. */
static bool earlier(struct edit *e, bool *ret_resume)
{
    g_autofree char *text = draft_read(e->draft, NULL);

    *ret_resume = false;
    if (text && strcmp(text, e->before) == 0)
        return true;
    say(e, "There is an edit that was not defined, in %s:", draft_path(e->draft));
    if (text)
        e->ops->diff(e->opaque, e->before, text);
    char answer = e->ops->ask(e->opaque, "[c]ontinue that one, begin a [n]ew one, or [q]uit?", "cnq");
    if (answer == 'q')
        return false;
    if (answer == 'c')
        return *ret_resume = true;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = draft_keep(e->draft, &error);
    if (!path) {
        say(e, "%s", error->message);
        return false;
    }
    say(e, "It is kept in %s", path);
    return true;
}

enum edit_end edit_run(const struct edit_ops *ops, void *opaque, struct draft *draft)
{
    struct edit e = {.ops = ops, .opaque = opaque, .draft = draft};
    g_autoptr(GError) error = NULL;
    enum edit_end end = EDIT_FAILED;
    bool resume = false;

    e.before = ops->fetch(opaque, &error);
    if (!e.before) {
        say(&e, "%s", error->message);
        return EDIT_FAILED;
    }
    if (!draft_exists(draft) || earlier(&e, &resume)) {
        if (resume || draft_write(draft, e.before, &error))
            end = loop(&e);
        else
            say(&e, "%s", error->message);
    }
    g_free(e.before);
    g_free(e.after);
    return end;
}
