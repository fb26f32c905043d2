/* libvirt's connection and domains, with GLib's errors. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

typedef virConnect vir_connect;
typedef virDomain vir_domain;
static inline void vir_connect_unref(vir_connect *c)
{
    virConnectClose(c);
}
static inline void vir_domain_unref(vir_domain *d)
{
    virDomainFree(d);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vir_connect, vir_connect_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vir_domain, vir_domain_unref)

/* uri NULL: $LIBVIRT_DEFAULT_URI, else qemu:///system. Owned by the caller. */
vir_connect *conn_open(const char *uri, GError **error);
/* By name, UUID or id. */
vir_domain *conn_domain(vir_connect *conn, const char *which, GError **error);
/* What libvirt said last, in *error; always false. what: "could not start 'x'". */
bool conn_failed(GError **error, const char *what, ...) G_GNUC_PRINTF(2, 3);
/* The definition as text, caller frees; inactive: as of the next start. */
char *conn_xml(vir_domain *dom, bool inactive, GError **error);
