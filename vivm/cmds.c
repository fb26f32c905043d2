/* vivm list, start, stop, vnc: the short ones. */
#include "libvirt-xml/domain_xml.h"
#include "vivm/vivm.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its emulator's file is called xenner, or xenner-something. */
static bool on_xenner(vir_domain *dom)
{
    g_autofree char *text = conn_xml(dom, true, NULL);
    g_autoptr(domain_xml) doc = text ? domain_xml_parse(text, strlen(text), "", NULL) : NULL;

    if (!doc)
        return false;
    g_autofree char *path = xml_text(xml_find(xmlDocGetRootElement(doc), "devices/emulator"));
    g_autofree char *name = path ? g_path_get_basename(path) : NULL;
    return name && g_str_has_prefix(name, "xenner");
}

static const char *state_name(vir_domain *dom)
{
    static const char *const names[] = {
        [VIR_DOMAIN_NOSTATE] = "no state", [VIR_DOMAIN_RUNNING] = "running",
        [VIR_DOMAIN_BLOCKED] = "blocked", [VIR_DOMAIN_PAUSED] = "paused",
        [VIR_DOMAIN_SHUTDOWN] = "shutting down", [VIR_DOMAIN_SHUTOFF] = "shut off",
        [VIR_DOMAIN_CRASHED] = "crashed", [VIR_DOMAIN_PMSUSPENDED] = "suspended"};
    int state = -1;

    virDomainGetState(dom, &state, NULL, 0);
    return state >= 0 && state < (int)G_N_ELEMENTS(names) ? names[state] : "?";
}

static int print_list(vir_connect *conn, bool all, bool names, GError **error)
{
    virDomainPtr *domains;
    int n = virConnectListAllDomains(conn, &domains, 0);

    if (n < 0) {
        conn_failed(error, "could not list the domains");
        return VIVM_BAD;
    }
    for (int i = 0; i < n; i++) {
        g_autoptr(vir_domain) dom = domains[i];
        virDomainInfo info = {0};
        if (!all && !on_xenner(dom))
            continue;
        virDomainGetInfo(dom, &info);
        if (names)
            puts(virDomainGetName(dom));
        else
            printf("%-24s %-14s %2u vCPU %7lu MiB\n", virDomainGetName(dom), state_name(dom),
                   (unsigned)info.nrVirtCpu, info.maxMem >> 10);
    }
    free(domains);
    return VIVM_OK;
}

int cmd_list(const char *uri, int argc, char **argv)
{
    gboolean all = FALSE, names = FALSE;
    const GOptionEntry entries[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &all, "those of other emulators too", NULL},
        {"names", 'n', 0, G_OPTION_ARG_NONE, &names, "only names", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;

    if (!vivm_parse(entries, "", 0, 0, &argc, &argv, &error))
        return vivm_complain(error);
    g_autoptr(vir_connect) conn = conn_open(uri, &error);
    int status = conn ? print_list(conn, all, names, &error) : VIVM_BAD;
    return error ? vivm_complain(error) : status;
}

int cmd_start(const char *uri, int argc, char **argv)
{
    gboolean console = FALSE, paused = FALSE;
    const GOptionEntry entries[] = {
        {"console", 0, 0, G_OPTION_ARG_NONE, &console, "and be its console", NULL},
        {"paused", 0, 0, G_OPTION_ARG_NONE, &paused, "before its first instruction", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    if (virDomainCreateWithFlags(t.dom, paused ? VIR_DOMAIN_START_PAUSED : 0) < 0) {
        conn_failed(&error, "could not start '%s'", t.name);
        return vivm_complain(error);
    }
    return console ? cmd_console(uri, 2, (char *[]){(char *)"console", t.name, NULL}) : VIVM_OK;
}

static bool wait_until_off(vir_domain *dom, int seconds)
{
    gint64 end = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;

    while (virDomainIsActive(dom) == 1) {
        if (g_get_monotonic_time() > end)
            return false;
        g_usleep(100000);
    }
    return true;
}

/* Off already is as good as off. */
static int stop(vir_domain *dom, bool force, int seconds, GError **error)
{
    const char *name = virDomainGetName(dom);

    if (virDomainIsActive(dom) == 0)
        return VIVM_OK;
    if ((force ? virDomainDestroy(dom) : virDomainShutdown(dom)) < 0) {
        conn_failed(error, "could not stop '%s'", name);
        return VIVM_BAD;
    }
    if (wait_until_off(dom, seconds))
        return VIVM_OK;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "'%s' is still running after %d s (--force "
                "pulls its plug)", name, seconds);
    return VIVM_BAD;
}

int cmd_stop(const char *uri, int argc, char **argv)
{
    gboolean force = FALSE;
    gint seconds = 120;
    const GOptionEntry entries[] = {
        {"force", 'f', 0, G_OPTION_ARG_NONE, &force, "pull the plug", NULL},
        {"timeout", 't', 0, G_OPTION_ARG_INT, &seconds, "how long to wait (default 120)", "SECONDS"},
        {NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    int status = stop(t.dom, force, MAX(seconds, 0), &error);
    return error ? vivm_complain(error) : status;
}

/* The live XML has the port that was chosen. NULL and an error when there is none. */
static char *vnc_place(vir_domain *dom, GError **error)
{
    g_autofree char *text = conn_xml(dom, false, error);
    g_autoptr(domain_xml) doc = text ? domain_xml_parse(text, strlen(text), "definition", error) : NULL;

    if (!doc)
        return NULL;
    for (const xmlNode *n = xml_find(xmlDocGetRootElement(doc), "devices/graphics"); n;
         n = xml_next(n)) {
        g_autofree char *port = xml_attr(n, "port"), *host = xml_attr(n, "listen");
        g_autofree char *path = xml_attr(n, "socket");
        if (!xml_attr_is(n, "type", "vnc"))
            continue;
        if (path)
            return g_steal_pointer(&path);
        if (port && atoi(port) > 0)
            return g_strdup_printf("%s::%s", host && *host ? host : "127.0.0.1", port);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "'%s' has no VNC server%s",
                virDomainGetName(dom), virDomainIsActive(dom) == 1 ? "" : " while it is off");
    return NULL;
}

/* Where there is a desktop and a viewer. HOST::PORT is what the viewers of the TigerVNC kind take. */
static void try_viewer(const char *place)
{
    static const char *const viewers[] = {"vncviewer", "xtigervncviewer", "gvncviewer"};
    const char *own = g_getenv("VIVM_VIEWER");

    if (own && *own)
        execlp(own, own, place, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(viewers); i++) {
        if (g_getenv("DISPLAY") || g_getenv("WAYLAND_DISPLAY"))
            execlp(viewers[i], viewers[i], place, NULL);
    }
}

int cmd_vnc(const char *uri, int argc, char **argv)
{
    gboolean print = FALSE;
    const GOptionEntry entries[] = {
        {"print", 'p', 0, G_OPTION_ARG_NONE, &print, "only say where it is", NULL}, {NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    g_autofree char *place = vnc_place(t.dom, &error);
    if (!place)
        return vivm_complain(error);
    if (!print)
        try_viewer(place);
    puts(place);
    return VIVM_OK;
}
