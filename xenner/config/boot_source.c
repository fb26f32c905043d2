#include "xenner/config/boot_source.h"

#include <unistd.h>

void boot_images_clear(struct boot_images *images)
{
    if (images->kernel_fd)
        close(images->kernel_fd);
    if (images->initrd_fd)
        close(images->initrd_fd);
    g_free(images->kernel);
    g_free(images->cmdline);
    *images = (struct boot_images){0};
}
