#!/bin/bash
# vm-build.sh [-fq] [-k SUITE]...: build, once, all that vm.py needs, in $VM_CACHE
# (~/.cache/skiff-vm, 2 GiB): a Debian 12 tree with systemd and the engines, kernels, a disk
# image.  -f builds the tree anew; -q is silent when there is nothing to do; -k names the
# kernels (bookworm-security and sid).
# Takes about 2.5 minutes; nothing when up to date.  Not while machines start: it deletes the
# saved ones.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${VM_CACHE:-$HOME/.cache/skiff-vm}
kernels=()
changed=

install_tools() {
	local missing=() pair
	for pair in qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils debootstrap:debootstrap \
		mke2fs:e2fsprogs cpio:cpio xz:xz-utils; do
		command -v "${pair%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	apt-get -q update
	apt-get install -qy -o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}"
}

build_tree() {
	local sum
	sum=$(sha256sum <"$here/build-root.sh" | cut -c1-16)
	[ "$(cat "$cache/rootfs.ok" 2>/dev/null)" != "$sum" ] || return 0
	rm -f "$cache/rootfs.ok"
	"$here/build-root.sh" "$cache/rootfs"
	echo "$sum" >"$cache/rootfs.ok"
	changed=1
}

fetch_kernels() {
	local suite
	for suite in "${kernels[@]}"; do
		[ ! -e "$cache/k/$suite/version" ] || continue
		"$here/get-kernel.sh" "$suite" "$cache/k/$suite"
		changed=1
	done
}

# each kernel's modules go into the tree, and those of early boot into an initrd of its own
add_kernels() {
	local dir version
	for dir in "$cache"/k/*/; do
		[ -e "$dir/version" ] || continue
		version=$(cat "$dir/version")
		if [ ! -e "$cache/rootfs/lib/modules/$version/modules.dep" ]; then
			mkdir -p "$cache/rootfs/lib/modules"
			cp -a "$dir/lib/modules/$version" "$cache/rootfs/lib/modules/"
			chroot "$cache/rootfs" depmod "$version"
		fi
		"$here/make-initrd.sh" "$cache/rootfs" "$dir" "$dir/initrd"
	done
}

make_image() {
	rm -f "$cache/root.img"
	truncate -s 8G "$cache/root.img"
	mke2fs -q -t ext4 -O ^has_journal,^metadata_csum \
		-E assume_storage_prezeroed=1,nodiscard -N 400000 -m 0 -L root \
		-d "$cache/rootfs" "$cache/root.img"
	echo "vm-build: image of $(du -m "$cache/root.img" | cut -f1) MiB"
}

force='' quiet=''
while getopts fqk: option; do
	case $option in
	f) force=1 ;;
	q) quiet=1 ;;
	k) kernels+=("$OPTARG") ;;
	*) exit 2 ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] || kernels=(bookworm-security sid)
mkdir -p "$cache/k"
exec 9>"$cache/lock"
flock 9
install_tools
[ -z "$force" ] || rm -f "$cache/rootfs.ok"
build_tree
fetch_kernels
sum=$(cat "$here"/{configure-root.sh,agent.sh,make-initrd.sh} | sha256sum | cut -c1-16)
[ "$(cat "$cache/conf.sum" 2>/dev/null)" = "$sum" ] && [ -e "$cache/root.img" ] || changed=1
if [ -z "$changed" ]; then
	[ -n "$quiet" ] || echo "vm-build: up to date"
	exit 0
fi
rm -rf --one-file-system "$cache/state" "$cache/conf.sum"
"$here/configure-root.sh" "$cache/rootfs"
add_kernels
make_image
echo "$sum" >"$cache/conf.sum"
