#include "xenner/util/lazy_library.h"

#include <dlfcn.h>
#include <gio/gio.h>

bool lazy_library_load(struct lazy_library *library, GError **error)
{
    if (library->handle)
        return true;
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    g_autofree char *why = handle ? NULL : g_strdup(dlerror());
    for (struct lazy_call *c = library->calls; handle && c->name; c++) {
        c->address = dlsym(handle, c->name);
        if (!c->address) {
            why = g_strdup(dlerror());
            dlclose(handle);
            handle = NULL;
        }
    }
    library->handle = handle;
    if (!handle)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s can't be loaded: %s", library->file, why);
    return handle != NULL;
}

void *lazy_library_variable(struct lazy_library *library, const char *name)
{
    void *address = dlsym(library->handle, name);

    g_assert(address);
    return address;
}
