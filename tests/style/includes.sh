#!/bin/sh
# Who may include whom, as docs/architecture.md says. includes.sh SOURCE-ROOT
set -eu
cd "$1"
status=0

# forbid FOLDER PATTERN: no file of FOLDER includes what matches
forbid()
{
    if grep -rnE "^#include [\"<]$2" --include='*.[chS]' "$1"; then
        echo "  ^ $1 may not include these"
        status=1
    fi
}

forbid emu '(xenner/|glib|stdio|stdlib|string\.h|unistd|sys/)'
forbid xenner/util '(xenner/(config|build|host|chardev|backend|engine|domain|vm)|emu/|qemu-compat)'
forbid xenner/config '(xenner/(build|host|chardev|backend|engine|domain|vm)|emu/|qemu-compat)'
forbid xenner/bootdisk '(xenner/(build|host|chardev|backend|engine|domain|vm)|emu/|xen/|qemu-compat)'
forbid xenner/build '(xenner/(host|chardev|backend|engine|domain|vm)|qemu-compat)'
forbid xenner/host '(xenner/(chardev|backend|engine|domain|vm|build)|qemu-compat)'
forbid xenner/chardev '(xenner/(host|backend|engine|domain|vm|build)|xen/|qemu-compat)'
forbid xenner/display '(xenner/(host|chardev|backend|engine|domain|vm|build)|xen/|qemu-compat)'
forbid xenner/backend '(xenner/(host/(local|evtchn)|engine|domain|vm|build)|emu/|qemu-compat)'
forbid xenner/engine '(xenner/(host|backend|chardev|domain|vm|build)|xen/|qemu-compat)'
forbid xenner/domain '(xenner/(backend|vm|chardev)|qemu-compat)'
forbid xenner/console_client '(xenner/(config|host|backend|engine|domain|vm|build|chardev)|emu/|xen/|qemu-compat)'
forbid xenner/vm 'qemu-compat'
forbid libvirt-xml '(xenner/(host|backend|engine|domain|vm|build|chardev|display)|emu/|xen/|libvirt/|vivm)'
forbid vivm '(xenner/(host|backend|engine|domain|vm|build|chardev|display)|emu/|xen/)'
forbid qemu-compat 'xenner/(engine|host|backend|domain|build|display)'
forbid xenguest/lib '(xenner/(host|backend|engine|domain|vm|build|chardev|display)|emu/|xen/|qemu-compat|xenguest/mkimage)'
forbid xenguest/mkimage '(xenner/(host|backend|engine|domain|vm|build|chardev|display)|emu/|xen/|qemu-compat)'
for folder in disk xl manager xenvm; do
    forbid xenguest/$folder '(xenner/(host|backend|engine|domain|vm|build|chardev|display)|emu/|xen/|qemu-compat|xenguest/mkimage)'
done
forbid xenguest/disk 'xenguest/(xl|manager|xenvm)'
forbid xenguest/xl 'xenguest/(disk|manager|xenvm)'
forbid xenguest/xenvm 'xenguest/(disk|manager)'
if grep -rlE '^#include <(ext2fs|blkid)' --include='*.[ch]' xenner qemu-compat xenguest |
    grep -vE '^(xenguest/disk/(fs_ext|volume)|xenner/bootdisk/(ext_files|partitions))\.c'; then
    echo "  ^ only xenguest/disk/fs_ext.c and volume.c, xenner/bootdisk/ext_files.c and partitions.c may include these libraries' headers"
    status=1
fi
if grep -rlE '^#include <archive' --include='*.[ch]' xenner qemu-compat xenguest | grep -vE '^xenguest/(lib/image_(tar|save)|disk/content)'; then
    echo "  ^ only xenguest/lib/image_tar.c, image_save.c and disk/content.c may include libarchive's headers"
    status=1
fi
if grep -rlE '^#include <sodium' --include='*.[ch]' xenner qemu-compat xenguest | grep -v '^xenguest/lib/minisign\.c'; then
    echo "  ^ only xenguest/lib/minisign.c may include libsodium's headers"
    status=1
fi
if grep -rlE '^#include <gpgme' --include='*.[ch]' xenner qemu-compat xenguest | grep -v '^xenguest/mkimage/crypt\.c'; then
    echo "  ^ only xenguest/mkimage/crypt.c may include GPGME's headers"
    status=1
fi
if grep -rlE '^#include <rfb/' --include='*.[ch]' xenner qemu-compat | grep -vE '^xenner/display/vnc(_client|_input|_picture)?\.c|^xenner/display/vnc_private\.h'; then
    echo "  ^ only xenner/display/vnc.c, vnc_client.c, vnc_input.c, vnc_picture.c may include LibVNCServer's headers"
    status=1
fi
if grep -rlE '^#include <libxml/' --include='*.[ch]' xenner qemu-compat emu; then
    echo "  ^ only libvirt-xml may include libxml2's headers"
    status=1
fi
if grep -rlE '^#include <linux/kvm.h>' --include='*.[ch]' xenner qemu-compat | grep -v '^xenner/engine/kvm'; then
    echo "  ^ only xenner/engine/kvm* may include linux/kvm.h"
    status=1
fi
if grep -rlE '^#include <(libxl|xen(store|ctrl|evtchn|gnttab|foreignmemory|toollog)\.h)' --include='*.[ch]' \
    xenner qemu-compat | grep -vE '^xenner/(host/libxen|domain/(domain_)?libxl)'; then
    echo "  ^ only what is in the module for Xen hosts may include Xen's library headers"
    status=1
fi
exit $status
