/* vivm edit: libvirt and the terminal behind the edit loop. */
#include "vivm/edit.h"
#include "vivm/terminal.h"
#include "vivm/vivm.h"

#include <stdio.h>

struct session {
    vir_connect *conn;
    vir_domain *dom;
    const char *uuid;
};

static char *fetch(void *opaque, GError **error)
{
    struct session *s = opaque;

    return conn_xml(s->dom, true, error);
}

/* Another UUID or name is another domain: virsh edit makes one too, but says nothing. */
static void tell_other(const struct session *s, vir_domain *made)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(made, uuid) == 0 && g_strcmp0(uuid, s->uuid) != 0)
        fprintf(stderr, "vivm: with another UUID this is a further domain, '%s'; the old one is still "
                "there\n", virDomainGetName(made));
    else if (virDomainIsActive(s->dom) == 1)
        fprintf(stderr, "vivm: the domain is running: the change takes effect at its next start\n");
}

static bool define(void *opaque, const char *text, bool careful, GError **error)
{
    struct session *s = opaque;
    g_autoptr(vir_domain) made =
        virDomainDefineXMLFlags(s->conn, text, careful ? VIR_DOMAIN_DEFINE_VALIDATE : 0);

    if (!made)
        return conn_failed(error, "libvirt refuses it");
    tell_other(s, made);
    return true;
}

static bool editor(void *opaque, const char *path, GError **error)
{
    return terminal_edit(path, error);
}

static char ask(void *opaque, const char *question, const char *keys)
{
    return terminal_ask(question, keys);
}

static void say(void *opaque, const char *text)
{
    terminal_say(text);
}

static void diff(void *opaque, const char *before, const char *after)
{
    terminal_diff(before, after);
}

static int edit(struct session *s, GError **error)
{
    static const struct edit_ops ops = {.fetch = fetch, .define = define, .editor = editor, .ask = ask,
                                        .say = say, .diff = diff};
    struct draft *draft = draft_open(NULL, virDomainGetName(s->dom), s->uuid, error);

    if (!draft)
        return VIVM_BAD;
    terminal_guard(draft_path(draft));
    enum edit_end end = edit_run(&ops, s, draft);
    terminal_guard(NULL);
    draft_free(draft);
    return end == EDIT_DEFINED || end == EDIT_UNCHANGED ? VIVM_OK : VIVM_BAD;
}

int cmd_edit(const char *uri, int argc, char **argv)
{
    const GOptionEntry entries[] = {{NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    if (virDomainGetUUIDString(t.dom, uuid) < 0)
        conn_failed(&error, "could not read the UUID of '%s'", t.name);
    int status = error ? VIVM_BAD : edit(&(struct session){t.conn, t.dom, uuid}, &error);
    return error ? vivm_complain(error) : status;
}
