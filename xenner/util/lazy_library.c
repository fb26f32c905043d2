#include "xenner/util/lazy_library.h"

#include <dlfcn.h>
#include <gio/gio.h>

bool lazy_library_load(struct lazy_library *library, GError **error)
{
    if (library->handle)
        return true;
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    for (struct lazy_call *c = library->calls; handle && c->name; c++) {
        c->address = dlsym(handle, c->name);
        if (!c->address) {
            dlclose(handle);
            handle = NULL;
        }
    }
    library->handle = handle;
    if (!handle)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s can't be loaded: %s", library->file, dlerror());
    return handle != NULL;
}

void *lazy_library_variable(struct lazy_library *library, const char *name)
{
    void *address = dlsym(library->handle, name);

    g_assert(address);
    return address;
}
