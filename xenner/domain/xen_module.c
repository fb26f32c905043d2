/* Finds out whether this is a Xen host's control domain, and loads the module for it then. */
#include "xenner/domain/driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define CAPABILITIES "/proc/xen/capabilities"
#define MODULE "xenner-xen.so"

/* Reads a small file of the kernel's; NULL: it can't be. */
static char *read_small(const char *path)
{
    char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL))
        g_strchomp(text);
    return text;
}

static bool is_control_domain(GString *why_not)
{
    g_autofree char *type = read_small("/sys/hypervisor/type");
    g_autofree char *capabilities = read_small(CAPABILITIES);

    if (g_strcmp0(type, "xen") != 0)
        g_string_append(why_not, "this machine does not run Xen");
    else if (!capabilities)
        g_string_append(why_not, "this machine runs on Xen, but there is no " CAPABILITIES
                                 " (is xenfs mounted at /proc/xen?)");
    else if (!strstr(capabilities, "control_d"))
        g_string_append(why_not, "this machine is a guest of Xen, not its control domain");
    else
        return true;
    return false;
}

/* Beside the program (as it is built), or where it is installed. */
static void *open_module(GString *why_not)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup(".");
    g_autofree char *beside = g_build_filename(folder, MODULE, NULL);
    const char *path = g_file_test(beside, G_FILE_TEST_EXISTS) ? beside : XENNER_MODULE_DIR "/" MODULE;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_string_append(why_not, "this xenner was built without Xen's libraries");
        return NULL;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        g_string_append_printf(why_not, "Xen's libraries can't be loaded: %s", dlerror());
    return module;
}

const struct domain_driver *xen_module_driver(GString *why_not)
{
    static const struct domain_driver *driver; /* libxl can't be unloaded again */

    if (driver)
        return driver;
    if (!is_control_domain(why_not))
        return NULL;
    void *module = open_module(why_not);
    if (!module)
        return NULL;
    const struct xen_module *m = dlsym(module, XEN_MODULE_SYMBOL);
    if (m && strcmp(m->version, XENNER_VERSION) == 0)
        return driver = m->driver;
    g_string_append(why_not, MODULE " is of another version of xenner");
    dlclose(module);
    return NULL;
}
