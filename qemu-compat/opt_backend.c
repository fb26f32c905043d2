#include "qemu-compat/opt_backend.h"
#include "qemu-compat/optlist.h"

#include <string.h>

bool opt_take_backend(struct keyval *kv, const char *key, enum device_backend *ret, GError **error)
{
    static const char *const names[] = {[DEVICE_BACKEND_AUTO] = "auto",
                                        [DEVICE_BACKEND_KERNEL] = "kernel",
                                        [DEVICE_BACKEND_XENNER] = "xenner"};
    const char *text = keyval_get(kv, key);

    if (!text)
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = (enum device_backend)i;
            return true;
        }
    }
    return opt_error(error, "%s=%s: 'auto', 'kernel' or 'xenner'", key, text);
}
