/*
 * vivm import: a xenguest image as a domain. A guest is made of it as xenguest-manager makes one, in
 * a storage directory: DIR/NAME with kernel and configuration, DIR/NAME.img its disk; its xenner
 * command line becomes the XML. Nothing of the image is run, nothing of this machine is given to it.
 */
#include "libvirt-xml/xml_out.h"
#include "vivm/defining.h"
#include "vivm/importing.h"
#include "vivm/vivm.h"
#include "xenguest/lib/image.h"
#include "xenguest/manager/guest.h"
#include "xenguest/manager/say.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

/* Of cards that name no bridge; nothing that a bridge can be called. */
#define NO_BRIDGE "no/bridge"

struct request {
    struct defining defining;
    char *image, *name;
    char *storage, *format, *nic;
    gboolean host_files, force;
};

/* What is made here is of no use to a libvirt elsewhere. */
static bool is_local(vir_connect *conn, GError **error)
{
    char *text = virConnectGetURI(conn);
    g_autoptr(GUri) uri = text ? g_uri_parse(text, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL;
    bool local = !host || !*host;

    if (!local)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "'%s' is another machine's libvirt: import there", text);
    free(text);
    return local;
}

/* The system's images are where libvirt's own are, which its confinement knows. */
static char *storage_dir(vir_connect *conn, const struct request *r)
{
    char *uri = virConnectGetURI(conn);
    bool session = uri && g_str_has_suffix(uri, "/session");

    free(uri);
    if (r->storage)
        return g_canonicalize_filename(r->storage, NULL);
    return session ? g_build_filename(g_get_user_data_dir(), "libvirt", "images", NULL)
                   : g_strdup("/var/lib/libvirt/images");
}

/* user, none, bridge,br=BRIDGE; a network of libvirt's is put in later. */
static bool set_network(struct settings *s, const char *nic, GError **error)
{
    g_free(s->bridge);
    s->bridge = g_strdup(g_str_has_prefix(nic, "bridge,br=") ? nic + strlen("bridge,br=") : NO_BRIDGE);
    s->network = strcmp(nic, "user") == 0   ? XL_NETWORK_USER
                 : strcmp(nic, "none") == 0 ? XL_NETWORK_NONE
                                            : XL_NETWORK_BRIDGE;
    if (s->network != XL_NETWORK_BRIDGE || strcmp(s->bridge, NO_BRIDGE) != 0 ||
        g_str_has_prefix(nic, "network="))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "--nic %s: none of network=NAME, bridge,br=NAME, user, none", nic);
    return false;
}

/* xenguest-manager's, but for where guests and their disks are. */
static struct settings *make_settings(const struct request *r, char *storage, GError **error)
{
    AUTO(settings) s = settings_load(NULL, error);

    if (!s)
        return NULL;
    if (r->format && strcmp(r->format, "raw") != 0 && strcmp(r->format, "qcow2") != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--format %s: raw or qcow2",
                    r->format);
        return NULL;
    }
    if (r->format)
        s->qcow2 = strcmp(r->format, "qcow2") == 0;
    g_free(s->guests);
    g_free(s->disks);
    *s->device = '\0';
    s->guests = g_strdup(storage);
    s->disks = g_strdup(storage);
    s->no_device = !r->host_files;
    return set_network(s, r->nic, error) ? g_steal_pointer(&s) : NULL;
}

static bool is_own(const struct guest *g, const char *path)
{
    g_autofree char *volume = g->volume ? volume_path(g->volume) : NULL;
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *below = g_strconcat(g->dir, "/", NULL);

    return g_str_has_prefix(full, below) || g_strcmp0(full, volume) == 0;
}

static bool check_file(const struct guest *g, const char *path, GError **error)
{
    if (!path || is_own(g, path))
        return true;
    g_autofree char *shown = xg_printable(path);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                "the image wants '%s' of this machine (--host-files lets it)", shown);
    return false;
}

/* Who made the image is not asked: what is not of the image is the administrator's to give. */
static bool check_files(const struct guest *g, const domain_xml *doc, GError **error)
{
    static const char *const boot[] = {"os/kernel", "os/initrd", "os/loader"};
    const xmlNode *domain = xmlDocGetRootElement(doc), *devices = xml_child(domain, "devices");
    bool ok = true;

    for (unsigned i = 0; ok && i < G_N_ELEMENTS(boot); i++) {
        g_autofree char *path = xml_text(xml_find(domain, boot[i]));
        ok = check_file(g, path, error);
    }
    for (const xmlNode *n = xml_child(devices, "disk"); ok && n; n = xml_next(n)) {
        g_autofree char *file = xml_attr(xml_child(n, "source"), "file");
        g_autofree char *dev = xml_attr(xml_child(n, "source"), "dev");
        ok = check_file(g, file ? file : dev, error);
    }
    for (const xmlNode *n = xml_child(devices, "graphics"); ok && n; n = xml_next(n)) {
        g_autofree char *path = xml_attr(n, "socket");
        ok = check_file(g, path, error);
    }
    return ok;
}

/* libvirt sets it before the guest runs, as xenguest-manager does over QMP. */
static void strip_password(GPtrArray *argv)
{
    static const char suffix[] = ",password=on";

    for (guint i = 0; i < argv->len; i++) {
        char *arg = g_ptr_array_index(argv, i);
        if (i && strcmp(g_ptr_array_index(argv, i - 1), "-vnc") == 0 && g_str_has_suffix(arg, suffix))
            arg[strlen(arg) - strlen(suffix)] = '\0';
    }
}

static void finish(const struct request *r, domain_xml *doc, const char *password)
{
    xmlNode *devices = xml_find(xmlDocGetRootElement(doc), "devices");

    for (xmlNode *n = xml_child(devices, "interface"); n; n = xml_next(n)) {
        if (xml_attr_is(xml_child(n, "source"), "bridge", NO_BRIDGE))
            defining_set_network(n, r->nic + strlen("network="));
    }
    for (xmlNode *n = password ? xml_child(devices, "graphics") : NULL; n; n = xml_next(n))
        xmlSetProp(n, (const xmlChar *)"passwd", (const xmlChar *)password);
}

static domain_xml *to_xml(const struct request *r, struct xl_command *cmd, GError **error)
{
    const char *const more[] = {"-accel", defining_accel(&r->defining), "-serial", "pty"};

    g_ptr_array_insert(cmd->argv, 0, g_strdup("xenner"));
    for (unsigned i = 0; i < G_N_ELEMENTS(more); i++)
        g_ptr_array_add(cmd->argv, g_strdup(more[i]));
    if (cmd->vnc_password)
        strip_password(cmd->argv);
    domain_xml *doc = defining_from_argv(&r->defining, cmd->argv, error);
    if (doc)
        finish(r, doc, cmd->vnc_password);
    return doc;
}

static char *make_text(const struct request *r, const struct settings *s, const struct guest *g,
                       GError **error)
{
    struct xl_command cmd = {0};
    g_autoptr(domain_xml) doc = NULL;

    if (guest_command(s, g, &cmd, error))
        doc = to_xml(r, &cmd, error);
    xl_command_clear(&cmd);
    if (!doc || (!r->host_files && !check_files(g, doc, error)))
        return NULL;
    return domain_xml_text(doc);
}

static bool check_free(vir_connect *conn, vir_domain *other, const char *what, GError **error)
{
    g_autoptr(vir_domain) dom = other;

    if (dom)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "there is a domain with this %s already: '%s'",
                    what, virDomainGetName(dom));
    return !dom;
}

/* libvirt has no scripts of a guest's: who relies on them should know. */
static void tell_scripts(const struct guest *g)
{
    static const char *const dirs[] = {"init.pre", "init.d", "init.post"};

    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autofree char *path = g_build_filename(g->dir, dirs[i], NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir));) {
            g_autofree char *shown = xg_printable(name);
            fprintf(stderr, "vivm: note: %s/%s is not run: libvirt has no such scripts\n", dirs[i], shown);
        }
    }
}

static bool define(const struct request *r, const struct settings *s, vir_connect *conn, GError **error)
{
    AUTO(guest) g = guest_open(s, r->name, error);
    g_autofree char *text = g ? make_text(r, s, g, error) : NULL;

    if (!text || !check_free(conn, defining_replaced(conn, text), "UUID", error) ||
        !defining_check(text, r->name, r->force, error) || !defining_commit(conn, text, r->force, error))
        return false;
    tell_scripts(g);
    return true;
}

static bool make_domain(const struct request *r, const struct settings *s, vir_connect *conn,
                        GError **error)
{
    if (!check_free(conn, virDomainLookupByName(conn, r->name), "name", error) ||
        !guest_create(s, r->image, r->name, error))
        return false;
    if (define(r, s, conn, error))
        return true;
    g_autoptr(GError) why = NULL;
    if (!guest_remove(s, r->name, &why))
        say(SAY_WARNING, "%s", why->message);
    return false;
}

static bool import(const char *uri, const struct request *r, GError **error)
{
    g_autoptr(vir_connect) conn = conn_open(uri, error);
    g_autofree char *storage = conn ? storage_dir(conn, r) : NULL;
    AUTO(settings) s = conn ? make_settings(r, storage, error) : NULL;
    struct importing mark;

    if (!s || !is_local(conn, error))
        return false;
    g_autoptr(vir_domain) there = virDomainLookupByName(conn, r->name);
    bool ok = importing_begin(&mark, s, r->name, there != NULL, error) &&
              make_domain(r, s, conn, error);
    importing_clear(&mark);
    return ok;
}

static void free_request(struct request *r)
{
    g_free(r->defining.emulator);
    g_free(r->defining.type);
    g_free(r->name);
    g_free(r->storage);
    g_free(r->format);
    g_free(r->nic);
}

int cmd_import(const char *uri, int argc, char **argv)
{
    struct request r = {0};
    const GOptionEntry entries[] = {
        {"storage", 0, 0, G_OPTION_ARG_FILENAME, &r.storage,
         "where kernel and disk go (default: where libvirt has its images)", "DIR"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &r.format, "the disk's: raw or qcow2", "FORMAT"},
        {"nic", 0, 0, G_OPTION_ARG_STRING, &r.nic,
         "of cards that name no bridge: network=NAME (default: default), bridge,br=NAME, user, none",
         "KIND"},
        {"type", 0, 0, G_OPTION_ARG_STRING, &r.defining.type, "qemu (TCG, default) or kvm", "TYPE"},
        {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &r.defining.emulator, "another xenner", "FILE"},
        {"host-files", 0, 0, G_OPTION_ARG_NONE, &r.host_files,
         "let the image have files and devices of this machine", NULL},
        {"force", 'f', 0, G_OPTION_ARG_NONE, &r.force, "without checks but libvirt's own", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;
    bool ok = vivm_parse(entries, "IMAGE [NAME]", 1, 2, &argc, &argv, &error);

    say_setup("vivm", 0, NULL);
    if (ok) {
        r.image = argv[1];
        r.name = argc > 2 ? g_strdup(argv[2]) : guest_name_of_image(argv[1]);
        r.nic = r.nic ? r.nic : g_strdup("network=default");
        ok = import(uri, &r, &error);
    }
    free_request(&r);
    return ok ? VIVM_OK : vivm_complain(error);
}
