# A thin cover over meson: each target does all its set-up on a fresh Debian machine.
BUILD := build
ASSETS := $(BUILD)/assets
KERNEL := $(ASSETS)/vmlinuz
INITRD := $(ASSETS)/initrd.gz
XENNER := $(BUILD)/xenner/xenner

.PHONY: all build setup assets demo check check-xen bench bench-io bench-virt clean install

all: build

setup:
	@sh tools/setup.sh

$(BUILD)/build.ninja: | setup
	@meson setup $(BUILD) > /dev/null

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(if $(V),-v,--quiet)

$(KERNEL): tools/fetch-kernel.sh | setup
	@sh tools/fetch-kernel.sh $(ASSETS) && touch $@

# The test guest's drivers that Debian's kernel has as modules.
MODULES := drivers/block/xen-blkfront.ko drivers/net/xen-netfront.ko
$(INITRD): tools/mkinitramfs.sh tools/init $(wildcard tests/guest-scripts/*) $(KERNEL) | setup
	@sh tools/mkinitramfs.sh $@ $(addprefix $(ASSETS)/kernel/lib/modules/*/kernel/,$(MODULES))

assets: $(KERNEL) $(INITRD)

# A guest's shell; without a terminal: its boot, its greeting, power-off.
demo: build assets
	@$(XENNER) -m 256 -smp 2 -kernel $(KERNEL) -initrd $(INITRD) \
	    -append "console=hvc0$$(test -t 0 || echo ' xenner.demo')" -nographic

# A disk image with a whole Debian. Making it takes root; without, the tests that boot it are skipped.
DEBIAN := $(ASSETS)/debian.img
$(DEBIAN): tools/mkdebian.sh tools/debian-root.sh | setup
	@test "$$(id -u)" != 0 || sh tools/mkdebian.sh $@

check: build assets $(DEBIAN)
	@sh tools/check.sh $(BUILD) --no-suite xenhost

# The suite on a real Xen, in a rig that is made for it.
check-xen: build assets
	@sh tools/check.sh $(BUILD) --suite xenhost

# One table: xenner against QEMU booting the kernel itself, and against Xen when the rig xenhost is made
# (BENCH_XEN=1 makes it, BENCH_XEN=0 leaves it out). See bench/README.md.
BENCH_RUNS := 5
BENCH_XEN := auto
BENCH_XEN_RUNS := $(BENCH_RUNS)
bench: build assets
	@ninja -C $(BUILD) --quiet bench/xbench bench/bench-build
	@/usr/bin/python3 bench/bench.py --build $(BUILD) --runs $(BENCH_RUNS) --xen $(BENCH_XEN) \
	    --xen-runs $(BENCH_XEN_RUNS)

# libvirt, QMP and VNC, against QEMU's. As root, for a libvirtd in namespaces of its own.
bench-virt: build assets
	@ninja -C $(BUILD) --quiet bench/xbench
	@/usr/bin/python3 bench/bench-virt.py --build $(BUILD) --runs $(BENCH_RUNS)

# Disks, networks and a whole boot: Debian under xenner and under QEMU with virtio. As root, for a tap.
bench-io: build $(DEBIAN)
	@sh tools/setup.sh packages-bench.txt
	@/usr/bin/python3 bench/bench-io.py --build $(BUILD) --runs $(BENCH_RUNS)

clean:
	@rm -rf $(BUILD)

install: build
	@meson install -C $(BUILD)
