/* Any bytes as a file of -readconfig: a valid configuration or one line of complaint, nothing left over. */
#include "fuzz.h"

#include "qemu-compat/options.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_error(const GError *error)
{
    if (!error || !error->message[0])
        abort();
    for (const char *c = error->message; *c; c++) {
        if (g_ascii_iscntrl(*c))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    const char *argv[] = {"xenner", "-readconfig", path, "-kernel", "k", NULL};
    g_autoptr(GError) error = NULL;
    struct vm_config *cfg = NULL;
    struct front_request req = {0};

    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
        abort();
    if (!qemu_options_parse(5, (char **)argv, &cfg, &req, &error)) {
        check_error(error);
        if (cfg)
            abort();
    } else {
        if (error || (!req.help && !vm_config_validate(cfg, NULL)))
            abort();
        vm_config_free(cfg);
        front_request_clear(&req);
    }
    close(fd);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const files[] = {
        "# a comment\n[machine]\n  type = \"xenpv\"\n  accel = \"tcg\"\n\n[memory]\n  size = \"1G\"\n",
        "[drive \"d0\"]\n  file = \"a,b.img\"\n  if = \"none\"\n  format = \"raw\"\n\n"
        "[device \"disk0\"]\n  driver = \"virtio-blk-pci\"\n  drive = \"d0\"\n",
        "[chardev \"c\"]\n  backend = \"socket\"\n  path = \"/s\"\n  server = \"on\"\n  wait = \"off\"\n"
        "[mon \"m\"]\n  chardev = \"c\"\n  mode = \"control\"\n",
        "[netdev \"n\"]\n  type = \"user\"\n  hostfwd = \"tcp::2222-:22\"\n[device]\n"
        "  driver = \"virtio-net-pci\"\n  netdev = \"n\"\n  mac = \"00:16:3e:00:00:01\"\n",
        "[smp-opts]\n  cpus = \"2\"\n  maxcpus = \"4\"\n[name]\n  guest = \"g\"\n[object \"io\"]\n"
        "  qom-type = \"iothread\"\n[action]\n  reboot = \"shutdown\"\n",
        "[vnc \"default\"]\n  vnc = \"127.0.0.1:0\"\n[sandbox]\n  enable = \"on\"\n[overcommit]\n"
        "  mem-lock = \"off\"\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *name = g_strdup_printf("file%zu", i);
        add(opaque, name, files[i], strlen(files[i]));
    }
}
