/* Any bytes as an xl.cfg: one line of error, or a command line that xenner's own parser
 * understands. */
#include "fuzz.h"

#include "qemu-compat/options.h"
#include "xenguest/xl/xl_command.h"

#include <stdlib.h>
#include <string.h>

static void check_line(const char *text)
{
    if (!*text || strchr(text, '\n'))
        abort();
}

/* xenner may refuse a value, as a file name or a number, but never for what it has not heard of. */
static void check_argv(struct xl_command *cmd)
{
    struct vm_config *cfg = NULL;
    struct front_request req = {0};
    g_autoptr(GError) error = NULL;

    g_ptr_array_insert(cmd->argv, 0, g_strdup("xenner"));
    g_ptr_array_add(cmd->argv, NULL);
    if (!qemu_options_parse((int)cmd->argv->len - 1, (char **)cmd->argv->pdata, &cfg, &req,
                            &error) &&
        (strstr(error->message, "unknown") || strstr(error->message, "invalid option")))
        abort();
    vm_config_free(cfg);
    front_request_clear(&req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    AUTO(xlcfg) cfg = xlcfg_parse((const char *)data, size, "f", NULL);
    struct xl_host host = {"f", "/b", "xenbr0", (enum xl_network)(size % 3)};
    struct xl_command cmd = {0};

    if (!cfg)
        return 0;
    if (xl_command(cfg, &host, &cmd, &error)) {
        for (guint i = 0; i < cmd.warnings->len; i++)
            check_line(g_ptr_array_index(cmd.warnings, i));
        g_free(xl_command_text("xenner", cmd.argv));
        check_argv(&cmd);
    } else if (!error) {
        abort();
    } else {
        check_line(error->message);
    }
    xl_command_clear(&cmd);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const seeds[] = {
        "name='a,b'\nuuid=\"3f8a6e0c-0000-4000-8000-000000000001\"\nmemory=64\nmaxmem=128\nvcpus="
        "2\nmaxvcpus=4\n"
        "kernel='k'\nramdisk='r'\nroot='/dev/xvda1'\nextra='quiet'\n",
        "disk=['phy:/dev/x,xvda,w','/"
        "a,qcow2,hdc:cdrom,r','format=raw,vdev=sda,access=ro,discard,target=/x,y']\n",
        "vif=['mac=00:16:3e:01:02:03,bridge=br0','script=x,vifname=y','']\n",
        "vfb=['vnc=1,vnclisten=0.0.0.0:1,vncdisplay=2,vncpasswd=x,keymap=de']\ncpu_weight=7\n",
        "bootloader='pygrub'\non_crash='coredump-restart'\non_reboot='destroy'\non_poweroff='"
        "preserve'\npci=[]\n",
        "type='p\\nv'\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(seeds); i++) {
        g_autofree char *name = g_strdup_printf("seed%zu", i);
        add(opaque, name, seeds[i], strlen(seeds[i]));
    }
}
