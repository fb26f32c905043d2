#include "fake_vm.h"

#include <gio/gio.h>

struct vm {
    const struct vm_config *cfg;
    struct chardev *chr;
    enum run_state state;
    GString *calls;
    vm_listener_fn listener;
    void *opaque;
};

struct vm *fake_vm_new(const struct vm_config *cfg, struct chardev *chr)
{
    struct vm *vm = g_new0(struct vm, 1);

    vm->cfg = cfg;
    vm->chr = chr;
    vm->calls = g_string_new(NULL);
    return vm;
}

void fake_vm_free(struct vm *vm)
{
    g_string_free(vm->calls, TRUE);
    g_free(vm);
}

const char *fake_vm_calls(const struct vm *vm)
{
    return vm->calls->str;
}

void fake_vm_tell(struct vm *vm, struct vm_event event)
{
    vm->listener(vm->opaque, &event);
}

static bool note(struct vm *vm, const char *what)
{
    g_string_append_printf(vm->calls, "%s%s", vm->calls->len ? " " : "", what);
    return true;
}

bool vm_start(struct vm *vm, GError **error)
{
    if (vm->state == RUN_SHUTDOWN) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "it has ended");
        return false;
    }
    vm->state = RUN_RUNNING;
    fake_vm_tell(vm, (struct vm_event){VM_EVENT_RESUME});
    return note(vm, "start");
}

bool vm_stop(struct vm *vm, GError **error)
{
    vm->state = RUN_SHUTDOWN;
    return note(vm, "stop");
}

bool vm_reset(struct vm *vm, GError **error)
{
    return note(vm, "reset");
}

bool vm_system_powerdown(struct vm *vm, GError **error)
{
    return note(vm, "powerdown");
}

bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error)
{
    g_autofree char *text = g_strdup_printf("memory(%" G_GUINT64_FORMAT ")", bytes);

    return note(vm, text);
}

void vm_quit(struct vm *vm, int status)
{
    note(vm, "quit");
}

enum run_state vm_run_state(const struct vm *vm)
{
    return vm->state;
}

const struct vm_config *vm_configuration(const struct vm *vm)
{
    return vm->cfg;
}

struct chardev *vm_chardev(struct vm *vm, const char *id)
{
    return vm->chr;
}

void vm_add_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    vm->listener = fn;
    vm->opaque = opaque;
}

void vm_remove_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    vm->listener = NULL;
}

int vm_vcpu_tid(struct vm *vm, unsigned vcpu)
{
    return vcpu ? 0 : 4711;
}

const char *vm_accel(const struct vm *vm)
{
    return "kvm";
}
