#include "xenner/vm/vm_source.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_handover.h"
#include "xenner/vm/vm_priv.h"

#include <gio/gio.h>
#include <string.h>

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the guest finds where, a line each; equal when a boot loader finds the same. */
static char *describe(struct vm *vm)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < vm_disks_count(vm->disks); i++) {
        struct vm_disk_info info = vm_disks_info(vm->disks, i);
        const struct disk_config *c = info.config;
        if (c->vdev && info.image && !info.tray_open)
            g_ptr_array_add(lines, g_strdup_printf("%s %u %s %s", c->vdev, c->boot_order, c->format ? c->format : "-",
                                                   c->path));
    }
    g_ptr_array_sort(lines, by_text);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

void vm_source_begin(struct vm *vm)
{
    if (vm->source)
        vm->source_disks = describe(vm);
}

bool vm_source_check(struct vm *vm)
{
    if (!vm->source)
        return false;
    g_autofree char *now = describe(vm);
    if (strcmp(now, vm->source_disks) == 0)
        return true;
    vm_handover_drop_ahead(vm->handover);
    vm->source->forget(vm->source->opaque);
    vm->source = NULL;
    g_log("domain", vm->cfg->boot.direct ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_DEBUG,
          "the guest's disks are others than at the start: from now on the boot loader starts it");
    return false;
}

bool vm_source_get(struct vm *vm, const char *title, struct boot_images *ret, GError **error)
{
    if (vm_source_check(vm))
        return vm->source->get(vm->source->opaque, title, ret, error);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the guest's disks are others than at the start");
    return false;
}
