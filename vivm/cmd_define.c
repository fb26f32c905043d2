/* vivm define: a domain from a file, or made from options by way of a xenner command line. */
#include "libvirt-xml/xml_out.h"
#include "vivm/defining.h"
#include "vivm/vivm.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

struct request {
    char *name, *uuid, *memory, *vcpus, *kernel, *initrd, *append, *type, *emulator, *vnc;
    char **disks, **nics;
    gboolean print, force;
};

static void free_request(struct request *r)
{
    char *const texts[] = {r->name, r->uuid, r->memory, r->vcpus, r->kernel, r->initrd, r->append,
                           r->type, r->emulator, r->vnc};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_strfreev(r->disks);
    g_strfreev(r->nics);
}

static void option(GPtrArray *argv, const char *name, const char *value)
{
    if (!value)
        return;
    g_ptr_array_add(argv, g_strdup(name));
    g_ptr_array_add(argv, g_strdup(value));
}

/* "PATH,format=qcow2,readonly=on"; "PATH,cdrom" is an image of a CD. */
static void disk_option(GPtrArray *argv, const char *text)
{
    g_autofree char *path = g_str_has_suffix(text, ",cdrom") ? g_strndup(text, strlen(text) - 6) : NULL;
    g_autofree char *value = g_strdup_printf("file=%s%s", path ? path : text,
                                             path ? ",media=cdrom" : "");

    option(argv, "-drive", value);
}

/* libvirt's own networks are nothing that a command line has. */
static const char *libvirt_network(const char *nic)
{
    return g_str_has_prefix(nic, "network=") ? nic + 8 : NULL;
}

static GPtrArray *command_line(const struct request *r, const char *accel)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *guest = NULL;

    g_ptr_array_add(argv, g_strdup("xenner"));
    if (r->name) {
        g_auto(GStrv) parts = g_strsplit(r->name, ",", -1);
        g_autofree char *doubled = g_strjoinv(",,", parts);
        guest = g_strconcat("guest=", doubled, NULL);
    }
    option(argv, "-name", guest);
    option(argv, "-uuid", r->uuid);
    option(argv, "-accel", accel);
    option(argv, "-m", r->memory ? r->memory : "512");
    option(argv, "-smp", r->vcpus);
    option(argv, "-kernel", r->kernel);
    option(argv, "-initrd", r->initrd);
    option(argv, "-append", r->append ? r->append : r->kernel ? "console=hvc0" : NULL);
    option(argv, "-serial", "pty");
    option(argv, "-vnc", r->vnc);
    for (unsigned i = 0; r->disks && r->disks[i]; i++)
        disk_option(argv, r->disks[i]);
    for (unsigned i = 0; r->nics && r->nics[i]; i++)
        option(argv, "-nic", libvirt_network(r->nics[i]) ? NULL : r->nics[i]);
    return argv;
}

static char *from_options(const struct request *r, GError **error)
{
    const struct defining d = {.emulator = r->emulator, .type = r->type};
    g_autoptr(GPtrArray) argv = command_line(r, defining_accel(&d));
    g_autoptr(domain_xml) doc = defining_from_argv(&d, argv, error);

    for (unsigned i = 0; doc && r->nics && r->nics[i]; i++) {
        const char *network = libvirt_network(r->nics[i]);
        if (network)
            defining_add_network(doc, network);
    }
    return doc ? domain_xml_text(doc) : NULL;
}

static int define(const char *uri, const char *text, bool force, GError **error)
{
    g_autoptr(vir_connect) conn = conn_open(uri, error);

    return conn && defining_commit(conn, text, force, error) ? VIVM_OK : VIVM_BAD;
}

/* A file, or options for a domain, not both. */
static char *make_text(const struct request *r, int argc, char **argv, GError **error)
{
    bool options = r->name || r->uuid || r->memory || r->vcpus || r->kernel || r->initrd ||
                   r->append || r->type || r->emulator || r->vnc || r->disks || r->nics;
    size_t len;

    if (argc == 2 && !options) {
        g_autofree char *text = domain_xml_read(argv[1], &len, error);
        if (text && strlen(text) != len)
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: not text", argv[1]);
        return error && *error ? NULL : g_steal_pointer(&text);
    }
    if (argc == 1 && r->name && (r->kernel || r->disks))
        return from_options(r, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                argc == 1 ? "needs a FILE, or --name and --kernel or --disk (define --help)"
                          : "a FILE and options for a domain exclude each other");
    return NULL;
}

int cmd_define(const char *uri, int argc, char **argv)
{
    struct request r = {0};
    const GOptionEntry entries[] = {
        {"name", 0, 0, G_OPTION_ARG_STRING, &r.name, "the domain's name", "NAME"},
        {"uuid", 0, 0, G_OPTION_ARG_STRING, &r.uuid, "its UUID (default: a new one)", "UUID"},
        {"memory", 'm', 0, G_OPTION_ARG_STRING, &r.memory, "MiB, or with a suffix (default 512)", "SIZE"},
        {"vcpus", 0, 0, G_OPTION_ARG_STRING, &r.vcpus, "how many (default 1)", "N"},
        {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &r.kernel, "a PV kernel (default: GRUB, from the disk)",
         "FILE"},
        {"initrd", 0, 0, G_OPTION_ARG_FILENAME, &r.initrd, "its initial ramdisk", "FILE"},
        {"append", 0, 0, G_OPTION_ARG_STRING, &r.append, "its command line (default console=hvc0)",
         "TEXT"},
        {"disk", 0, 0, G_OPTION_ARG_STRING_ARRAY, &r.disks,
         "a disk: also format=qcow2, readonly=on, cache=none..., cdrom; again for more", "FILE[,...]"},
        {"nic", 0, 0, G_OPTION_ARG_STRING_ARRAY, &r.nics,
         "network=NAME, or as xenner's -nic: user, bridge,br=br0, ...; again for more", "KIND"},
        {"vnc", 0, 0, G_OPTION_ARG_STRING, &r.vnc, "a screen, on VNC: 127.0.0.1:0,to=99", "PLACE"},
        {"type", 0, 0, G_OPTION_ARG_STRING, &r.type, "qemu (TCG, default) or kvm", "TYPE"},
        {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &r.emulator, "another xenner", "FILE"},
        {"print", 0, 0, G_OPTION_ARG_NONE, &r.print, "print the XML and define nothing", NULL},
        {"force", 'f', 0, G_OPTION_ARG_NONE, &r.force, "without checks but libvirt's own", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;
    int status = VIVM_BAD;

    if (vivm_parse(entries, "[FILE]", 0, 1, &argc, &argv, &error)) {
        g_autofree char *text = make_text(&r, argc, argv, &error);
        if (text && defining_check(text, argc == 2 ? argv[1] : "options", r.force, &error)) {
            if (r.print)
                status = fputs(text, stdout) < 0;
            else
                status = define(uri, text, r.force, &error);
        }
    }
    free_request(&r);
    return error ? vivm_complain(error) : status;
}
