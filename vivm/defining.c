#include "vivm/defining.h"

#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/xml_out.h"
#include "qemu-compat/options.h"
#include "vivm/draft.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

const char *defining_accel(const struct defining *d)
{
    return g_strcmp0(d->type, "kvm") == 0 ? "kvm" : "tcg";
}

static domain_xml *from_config(const struct defining *d, const struct vm_config *cfg, GError **error)
{
    g_autofree char *found = g_find_program_in_path("xenner");
    const char *emulator = d->emulator ? d->emulator : found ? found : "/usr/bin/xenner";
    g_autoptr(GPtrArray) notes = NULL;
    domain_xml *doc = domain_from_config(cfg, emulator, &notes, error);

    for (guint i = 0; notes && i < notes->len; i++)
        fprintf(stderr, "vivm: note: %s\n", (const char *)g_ptr_array_index(notes, i));
    return doc;
}

domain_xml *defining_from_argv(const struct defining *d, const GPtrArray *argv, GError **error)
{
    struct vm_config *cfg = NULL;
    struct front_request req = {0};
    domain_xml *doc = NULL;

    if (!qemu_options_parse((int)argv->len, (char *const *)argv->pdata, &cfg, &req, error))
        return NULL;
    if (req.help)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'help' is for xenner itself");
    else
        doc = from_config(d, cfg, error);
    vm_config_free(cfg);
    front_request_clear(&req);
    return doc;
}

static xmlNode *add(xmlNode *parent, const char *name, const char *attr, const char *value)
{
    xmlNode *n = xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);

    xmlNewProp(n, (const xmlChar *)attr, (const xmlChar *)value);
    return n;
}

void defining_set_network(xmlNode *interface, const char *network)
{
    xmlNode *source = xml_find(interface, "source");

    if (source) {
        xmlUnlinkNode(source);
        xmlFreeNode(source);
    }
    xmlSetProp(interface, (const xmlChar *)"type", (const xmlChar *)"network");
    add(interface, "source", "network", network);
}

void defining_add_network(domain_xml *doc, const char *network)
{
    xmlNode *devices = xml_find(xmlDocGetRootElement(doc), "devices");
    xmlNode *n = add(devices, "interface", "type", "network");

    add(n, "source", "network", network);
    add(n, "model", "type", "netfront");
}

bool defining_check(const char *text, const char *name, bool force, GError **error)
{
    g_autoptr(domain_xml) doc = domain_xml_parse(text, strlen(text), name, error);

    if (!doc)
        return false;
    g_autoptr(GPtrArray) issues = domain_check(doc, false);
    for (guint i = 0; i < issues->len; i++) {
        g_autofree char *line = xml_issue_text(g_ptr_array_index(issues, i), name);
        fprintf(stderr, "%s\n", line);
    }
    if (force || !domain_check_errors(issues))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not defined (--force defines it all the "
                "same)");
    return false;
}

vir_domain *defining_replaced(vir_connect *conn, const char *text)
{
    g_autoptr(domain_xml) doc = domain_xml_parse(text, strlen(text), "", NULL);
    g_autofree char *uuid = doc ? xml_text(xml_child(xmlDocGetRootElement(doc), "uuid")) : NULL;

    return uuid && g_uuid_string_is_valid(uuid) ? virDomainLookupByUUIDString(conn, uuid) : NULL;
}

/* Its path in *ret_path; true without one when there is nothing to back up. */
static bool backup(vir_connect *conn, const char *text, char **ret_path, GError **error)
{
    g_autoptr(vir_domain) old = defining_replaced(conn, text);
    g_autofree char *before = old ? conn_xml(old, true, error) : NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];

    *ret_path = NULL;
    if (!before || virDomainGetUUIDString(old, uuid) < 0)
        return !old;
    struct draft *draft = draft_open(NULL, virDomainGetName(old), uuid, error);
    if (draft)
        *ret_path = draft_backup(draft, before, error);
    draft_free(draft);
    return *ret_path != NULL;
}

bool defining_commit(vir_connect *conn, const char *text, bool force, GError **error)
{
    g_autofree char *path = NULL;

    if (!backup(conn, text, &path, error))
        return false;
    g_autoptr(vir_domain) dom =
        virDomainDefineXMLFlags(conn, text, force ? 0 : VIR_DOMAIN_DEFINE_VALIDATE);
    if (!dom) {
        conn_failed(error, "libvirt refuses it");
        if (path)
            g_remove(path);
        return false;
    }
    fprintf(stderr, "Defined '%s'.%s%s\n", virDomainGetName(dom),
            path ? " The former definition is in " : "", path ? path : "");
    return true;
}
