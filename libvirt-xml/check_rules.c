/*
 * The table. Who refuses is said in the text, as one can do something about the one (write it
 * otherwise) and nothing about the other. tests/system/libvirt-xml.sh asks a real libvirt.
 */
#include "libvirt-xml/check_rules.h"

#define NOTE  XML_ISSUE_NOTE
#define ERROR XML_ISSUE_ERROR
#define NO_DEVICE "a PV guest has no such device, and xenner refuses it"
#define STREAMS "!pty|file|unix|null|stdio"

const struct check_rule check_rules[] = {
    {"", "type", "", ERROR, "<domain> without 'type': say type='qemu' (TCG) or type='kvm'"},
    {"", "type", "!qemu|kvm", ERROR,
     "domain type '$' will be refused by libvirt's QEMU driver: say 'qemu' (TCG) or 'kvm'"},
    {"os", "firmware", NULL, ERROR, "a PV guest has no firmware: remove firmware='$'"},
    {"os/type", "#text", "!hvm", ERROR,
     "os type '$' will be refused by libvirt's QEMU driver: say hvm; xenner runs a PV guest all the "
     "same"},
    {"os/type", "arch", "!x86_64", ERROR,
     "arch '$' will be refused: xenner is x86_64; a 32-bit PV kernel runs in it as well"},
    {"os/type", "machine", "xenpv|xenpvh|xenfv", ERROR,
     "libvirt finds no PCI bus in machine '$', so devices get no place: say machine='pc'"},
    {"os/type", "machine", "!pc|pc-i440fx-7.2|xenpv|xenpvh|xenfv", ERROR,
     "machine '$' will be refused by libvirt, as xenner doesn't announce it: say machine='pc'"},
    {"os/loader", "type", "pflash", ERROR, "a PV guest has no flash: remove <loader>"},
    {"os/nvram", NULL, NULL, ERROR, "a PV guest has no flash: remove <nvram>"},
    {"os/dtb", NULL, NULL, ERROR, "a PV guest has no device tree: remove <dtb>"},
    {"os/boot", "dev", "network", NOTE, "a PV guest does not boot from the network"},
    {"os/smbios", NULL, NULL, NOTE, "a PV guest sees no SMBIOS: <smbios> has no effect"},
    {"bootloader", NULL, NULL, NOTE,
     "<bootloader> is for libvirt's Xen driver: without <kernel> xenner starts GRUB, which reads the "
     "guest's disk"},
    {"cpu", "mode", "host-model|maximum", NOTE,
     "a PV guest sees the accelerator's own CPU: mode='$' has no effect"},
    {"cpu/numa", NULL, NULL, ERROR, "a PV guest has no NUMA nodes, and xenner refuses them"},
    {"memoryBacking/hugepages", NULL, NULL, ERROR,
     "xenner has the guest's memory in a memfd of small pages and refuses <hugepages>"},
    {"memoryBacking/source", "type", "file", ERROR,
     "xenner refuses memory in a file: say type='memfd', or remove <source>"},
    {"launchSecurity", NULL, NULL, ERROR, "a PV guest has no launch security, and libvirt refuses it"},
    {"on_poweroff", "#text", "preserve|rename-restart", ERROR, "on_poweroff '$' will be refused by "
     "libvirt's QEMU driver"},
    {"on_reboot", "#text", "preserve|rename-restart", ERROR, "on_reboot '$' will be refused by "
     "libvirt's QEMU driver"},
    {"on_crash", "#text", "rename-restart", ERROR, "on_crash '$' will be refused by libvirt's QEMU "
     "driver"},
    {"clock", "offset", "localtime|timezone|variable", NOTE, "a PV guest's clock is UTC: offset='$' "
     "has no effect"},

    {"devices/disk", "device", "floppy|lun", ERROR, "a PV guest has no disk device '$'"},
    {"devices/disk", "type", "dir|nvme|vhostuser|vhostvdpa", ERROR, "xenner has no disks of type '$'"},
    {"devices/disk/driver", "name", "!qemu", ERROR,
     "disk driver '$' will be refused by libvirt's QEMU driver: say name='qemu'"},
    {"devices/disk/transient", NULL, NULL, ERROR,
     "libvirt has xenner make an overlay for <transient/>, which it can't: remove it, or run xenner "
     "by hand with -snapshot"},
    {"devices/disk/encryption", NULL, NULL, ERROR, "xenner has no encrypted disks"},
    {"devices/disk/source/encryption", NULL, NULL, ERROR, "xenner has no encrypted disks"},
    {"devices/disk/target", "bus", "xen", ERROR,
     "disk bus 'xen' will be refused by libvirt's QEMU driver: say bus='virtio'; the guest has a "
     "xvd disk all the same"},
    {"devices/disk/target", "bus", "sata|usb|scsi", ERROR,
     "disk bus '$' will be refused by libvirt, as xenner announces no such controller: say "
     "bus='virtio'"},
    {"devices/disk/target", "bus", "fdc|sd|nvme|uml", ERROR,
     "disk bus '$' is nothing for a PV guest: say bus='virtio'"},

    {"devices/interface", "type", "hostdev|vdpa|vhostuser|internal", ERROR,
     "an interface of type '$' is nothing for a PV guest's network"},
    {"devices/interface/model", "type", "!netfront|virtio", ERROR,
     "NIC model '$' is passed on by libvirt and refused by xenner: say type='netfront'"},
    {"devices/interface/driver", "name", "vhost", ERROR,
     "vhost is not for PV networks, and xenner refuses it: remove name='vhost'"},

    {"devices/serial", "type", STREAMS, ERROR,
     "a console of type '$' is refused by xenner: pty, file, unix, null and stdio are what there is"},
    {"devices/console", "type", STREAMS, ERROR,
     "a console of type '$' is refused by xenner: pty, file, unix, null and stdio are what there is"},
    {"devices/console/target", "type", "xen", ERROR,
     "console target 'xen' will be refused by libvirt's QEMU driver: say type='serial'; it is hvc0 all "
     "the same"},
    {"devices/parallel", NULL, NULL, ERROR, NO_DEVICE ": <parallel>"},
    {"devices/channel", NULL, NULL, ERROR, NO_DEVICE ": <channel>"},

    {"devices/graphics", "type", "!vnc", ERROR, "graphics of type '$' is refused: VNC is what there "
     "is"},
    {"devices/video/model", "type", "xen", ERROR,
     "video model 'xen' will be refused by libvirt's QEMU driver: say type='vga'; it is a PV "
     "framebuffer all the same"},
    {"devices/video/model", "type", "bochs|ramfb|vbox|parallels|gop", ERROR,
     "video model '$' will be refused by libvirt, as xenner doesn't announce it: say type='vga'"},
    {"devices/video/model/acceleration", "accel3d", "yes", ERROR, "a PV framebuffer has no "
     "3D acceleration"},
    {"devices/input", "bus", "xen", ERROR,
     "input bus 'xen' will be refused by libvirt's QEMU driver: say bus='ps2' or bus='usb'"},
    {"devices/input", "type", "passthrough|evdev", ERROR, "input of type '$' is refused by xenner"},

    {"devices/memballoon", "model", "xen", ERROR,
     "memballoon model 'xen' will be refused by libvirt's QEMU driver: say model='virtio'; it is "
     "Xen's balloon all the same"},
    {"devices/controller", "type", "xenbus", ERROR,
     "controller 'xenbus' will be refused by libvirt's QEMU driver: remove it"},
    {"devices/controller", "type", "sata|ccid", ERROR,
     "controller '$' will be refused by libvirt, as xenner doesn't announce it: remove it"},
    {"devices/rng", NULL, NULL, NOTE, "a PV guest sees no <rng>: it has no effect"},
    {"devices/memory", NULL, NULL, ERROR, "a PV guest's memory changes by its balloon: remove <memory "
     "model=...>"},
    {"devices/hostdev", NULL, NULL, ERROR, "xenner passes no host devices through: <hostdev>"},
    {"devices/crypto", NULL, NULL, ERROR, NO_DEVICE ": <crypto>"},
    {"devices/filesystem", NULL, NULL, ERROR, NO_DEVICE ": <filesystem>"},
    {"devices/hub", NULL, NULL, ERROR, NO_DEVICE ": <hub>"},
    {"devices/iommu", NULL, NULL, ERROR, NO_DEVICE ": <iommu>"},
    {"devices/nvram", NULL, NULL, ERROR, NO_DEVICE ": <nvram>"},
    {"devices/panic", "model", "!hyperv", ERROR, "a PV guest has no panic device '$': its kernel says so "
     "without one; remove <panic>"},
    {"devices/redirdev", NULL, NULL, ERROR, NO_DEVICE ": <redirdev>"},
    {"devices/shmem", NULL, NULL, ERROR, NO_DEVICE ": <shmem>"},
    {"devices/smartcard", NULL, NULL, ERROR, NO_DEVICE ": <smartcard>"},
    {"devices/sound", NULL, NULL, ERROR, NO_DEVICE ": <sound>"},
    {"devices/tpm", NULL, NULL, ERROR, NO_DEVICE ": <tpm>"},
    {"devices/vsock", NULL, NULL, ERROR, NO_DEVICE ": <vsock>"},
    {"devices/watchdog", NULL, NULL, ERROR, NO_DEVICE ": <watchdog>"},
};
const unsigned check_rules_count = sizeof(check_rules) / sizeof(check_rules[0]);
