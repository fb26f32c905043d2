#include "vivm/conn.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

/* libvirt prints each error by itself unless somebody takes them. */
static void ignore(void *opaque, virError *error)
{
}

bool conn_failed(GError **error, const char *what, ...)
{
    const char *why = virGetLastErrorMessage();
    va_list ap;

    va_start(ap, what);
    g_autofree char *text = g_strdup_vprintf(what, ap);
    va_end(ap);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", text, why);
    if (error)
        error_make_printable(*error);
    return false;
}

vir_connect *conn_open(const char *uri, GError **error)
{
    const char *chosen = uri ? uri : g_getenv("LIBVIRT_DEFAULT_URI");

    virSetErrorFunc(NULL, ignore);
    if (!chosen || !*chosen)
        chosen = "qemu:///system";
    vir_connect *conn = virConnectOpenAuth(chosen, virConnectAuthPtrDefault, 0);
    if (!conn)
        conn_failed(error, "could not connect to '%s'", chosen);
    return conn;
}

vir_domain *conn_domain(vir_connect *conn, const char *which, GError **error)
{
    char *end;
    long id = strtol(which, &end, 10);
    vir_domain *dom = virDomainLookupByName(conn, which);

    if (!dom && g_uuid_string_is_valid(which))
        dom = virDomainLookupByUUIDString(conn, which);
    if (!dom && *which && !*end && id > 0 && id <= G_MAXINT)
        dom = virDomainLookupByID(conn, (int)id);
    if (!dom)
        conn_failed(error, "'%s'", which);
    return dom;
}

char *conn_xml(vir_domain *dom, bool inactive, GError **error)
{
    unsigned flags = VIR_DOMAIN_XML_SECURE | (inactive ? VIR_DOMAIN_XML_INACTIVE : 0);
    char *text = virDomainGetXMLDesc(dom, flags), *copy;

    if (!text) {
        conn_failed(error, "could not read the definition of '%s'", virDomainGetName(dom));
        return NULL;
    }
    copy = g_strdup(text);
    free(text);
    return copy;
}
