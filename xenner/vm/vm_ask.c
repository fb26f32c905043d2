/* What a running guest is asked: power, keys, memory; and what its owner's signals make of that. */
#include "xenner/vm/vm_priv.h"
#include "xenner/domain/domain.h"

#include <gio/gio.h>

enum { BALLOON_QUIET_S = 10 };

static bool check_running(const struct vm *vm, GError **error)
{
    if (vm->state != RUN_RUNNING)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the guest is not running (%s)",
                    run_state_name(vm->state));
    else if (vm->cfg->none)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "this machine has no guest");
    return vm->state == RUN_RUNNING && !vm->cfg->none;
}

bool vm_ask_power(struct vm *vm, enum control_power what, GError **error)
{
    if (!check_running(vm, error))
        return false;
    /* an HVM guest may be without Xen's drivers */
    if (vm->cfg->type == GUEST_HVM && what == CONTROL_POWEROFF && !control_power_known(domain_host(vm->domain)))
        return domain_power_button(vm->domain, error);
    return control_power(domain_host(vm->domain), what, error);
}

bool vm_system_powerdown(struct vm *vm, GError **error)
{
    if (!vm_ask_power(vm, CONTROL_POWEROFF, error))
        return false;
    vm_tell(vm, (struct vm_event){VM_EVENT_POWERDOWN});
    return true;
}

bool vm_sysrq(struct vm *vm, char key, GError **error)
{
    return check_running(vm, error) && control_sysrq(domain_host(vm->domain), key, error);
}

bool vm_nmi(struct vm *vm, GError **error)
{
    if (!vm->domain)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "machine does not provide NMIs");
    return vm->domain && domain_nmi(vm->domain, error);
}

uint64_t vm_memory(const struct vm *vm)
{
    uint64_t bytes = vm->domain ? domain_memory(vm->domain) : 0;

    return bytes ? bytes : vm->cfg->memory.bytes;
}

bool vm_memory_stats(struct vm *vm, uint64_t *ret_free, uint64_t *ret_total)
{
    return vm->domain && control_memory_stats(domain_host(vm->domain), ret_free, ret_total);
}

/* Nobody tells us when the guest takes a page: we look once a second until it has come to rest. */
static gboolean look_at_balloon(gpointer data)
{
    struct vm *vm = data;
    uint64_t now = vm_memory(vm);

    if (now != vm->balloon_was) {
        vm->balloon_was = now;
        vm->balloon_quiet = 0;
        vm_tell(vm, (struct vm_event){VM_EVENT_BALLOON});
    } else if (++vm->balloon_quiet == BALLOON_QUIET_S) {
        vm->ballooning = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error)
{
    if (vm->cfg->none) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "this machine has no guest");
        return false;
    }
    if (!control_memory(domain_host(vm->domain), bytes, error))
        return false;
    vm->balloon_quiet = 0;
    if (!vm->ballooning) {
        vm->balloon_was = vm_memory(vm);
        vm->ballooning = g_timeout_add_seconds(1, look_at_balloon, vm);
    }
    return true;
}

/* libvirt takes the end of a monitor that was not told of for a crash, and looks for who is to be killed. */
static void end_by_signal(struct vm *vm)
{
    vm_tell(vm, (struct vm_event){VM_EVENT_SHUTDOWN, .reason = "host-signal"});
    vm_quit(vm, EXIT_OK);
}

static gboolean out_of_patience(gpointer data)
{
    struct vm *vm = data;

    vm->patience = 0;
    g_warning("the guest did not power off in %u s%s", vm->cfg->soft_quit.seconds,
              control_power_taken(domain_host(vm->domain)) ? "" : " and did not take the request");
    end_by_signal(vm);
    return G_SOURCE_REMOVE;
}

void vm_terminate(struct vm *vm)
{
    g_autoptr(GError) error = NULL;

    if (!vm->cfg->soft_quit.on || vm->asked_to_end || vm->state != RUN_RUNNING) {
        end_by_signal(vm);
        return;
    }
    if (!vm_system_powerdown(vm, &error)) {
        g_warning("%s", error->message);
        end_by_signal(vm);
        return;
    }
    vm->asked_to_end = true;
    g_message("the guest was asked to power off; the next signal ends it");
    if (vm->cfg->soft_quit.seconds)
        vm->patience = g_timeout_add_seconds(vm->cfg->soft_quit.seconds, out_of_patience, vm);
}
