#include "qemu-compat/device_props.h"

#include <glib.h>
#include <string.h>

#define DISK "drive:str bootindex:int32 serial:str logical_block_size:size physical_block_size:size " \
    "share-rw:bool write-cache:OnOffAuto werror:BlockdevOnError rerror:BlockdevOnError"
#define PCI " addr:int32 multifunction:bool"
#define VIDEO "xres:uint32 yres:uint32 edid:bool "
#define INPUT "display:str head:uint32"

/* Sorted by name. Those of a PC that change nothing here are accepted, too, and not told of. */
static const struct {
    const char *driver, *properties;
} table[] = {
    {"VGA", VIDEO "vgamem_mb:uint32" PCI},
    {"ahci", "addr:int32 multifunction:bool"},
    {"cirrus-vga", "vgamem_mb:uint32" PCI},
    {"e1000", "netdev:str mac:str bootindex:int32" PCI},
    {"ich9-usb-ehci1", "addr:int32 multifunction:bool"},
    {"ich9-usb-uhci1", "addr:int32 multifunction:bool masterbus:str firstport:uint32"},
    {"ich9-usb-uhci2", "addr:int32 multifunction:bool masterbus:str firstport:uint32"},
    {"ich9-usb-uhci3", "addr:int32 multifunction:bool masterbus:str firstport:uint32"},
    {"ide-cd", DISK " unit:uint32"},
    {"ide-hd", DISK " unit:uint32"},
    {"isa-serial", "chardev:str index:uint32 iobase:uint32 irq:uint32"},
    {"lsi", "addr:int32 multifunction:bool"},
    {"netfront", "netdev:str mac:str"},
    {"pci-bridge", "chassis_nr:uint8" PCI},
    {"piix3-usb-uhci", "addr:int32 multifunction:bool"},
    {"qemu-xhci", "p2:uint32 p3:uint32" PCI},
    {"qxl-vga", VIDEO "ram_size:uint32 vram_size:uint64 vgamem_mb:uint32 max_outputs:uint16" PCI},
    {"rtl8139", "netdev:str mac:str bootindex:int32" PCI},
    {"scsi-cd", DISK " scsi-id:uint32 lun:uint32"},
    {"scsi-hd", DISK " scsi-id:uint32 lun:uint32"},
    {"usb-kbd", "port:str usb_version:uint32 " INPUT},
    {"usb-mouse", "port:str usb_version:uint32"},
    {"usb-storage", DISK " port:str"},
    {"usb-tablet", "port:str usb_version:uint32 " INPUT},
    {"virtconsole", "chardev:str nr:uint32 name:str"},
    {"virtio-balloon-pci", "deflate-on-oom:bool free-page-reporting:bool" PCI},
    {"virtio-blk-pci", DISK PCI},
    {"virtio-gpu-pci", VIDEO "max_outputs:uint32" PCI},
    {"virtio-keyboard-pci", INPUT PCI},
    {"virtio-mouse-pci", INPUT PCI},
    {"virtio-net-pci", "netdev:str mac:str bootindex:int32" PCI},
    {"virtio-rng-pci", "rng:str max-bytes:uint64 period:uint32" PCI},
    {"virtio-scsi-pci", "addr:int32 multifunction:bool"},
    {"virtio-serial-pci", "max_ports:uint32" PCI},
    {"virtio-tablet-pci", INPUT PCI},
    {"virtio-vga", VIDEO "max_outputs:uint32" PCI},
    {"vmware-svga", "vgamem_mb:uint32" PCI},
    {"xen-cdrom", "drive:str vdev:str"},
    {"xen-console", "chardev:str"},
    {"xen-disk", "drive:str vdev:str"},
    {"xen-net-device", "netdev:str mac:str"},
    {"xenfb", VIDEO "id:str"},
    {"xenkbd", "id:str"},
};

const char *device_properties(const char *driver)
{
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].driver, driver) == 0)
            return table[i].properties;
    }
    return NULL;
}
