#!/bin/bash
# make-initrd.sh ROOTFS KERNELDIR OUT: a tiny initramfs: busybox and the modules that the root
# disk, the ports and early boot need.
set -euo pipefail
root=$1 kernel=$2 out=$3
version=$(cat "$kernel/version")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
modules="virtio_pci virtio_blk virtio_console ext4 crc32c_intel crc32c_generic virtio_rng
	autofs4 overlay"

# paths in ROOTFS, in the order in which they must be loaded
module_files() {
	local name
	for name in $modules; do
		chroot "$root" modprobe -S "$version" --show-depends "$name" 2>/dev/null |
			awk '$1 == "insmod" { print $2 }' || :
	done | awk '!seen[$0]++'
}

unpack() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

mkdir -p "$tree"/{bin,mod,proc,sys,dev,root}
cp "$root/bin/busybox" "$tree/bin/"
: >"$tree/mod/order"
module_files | while read -r file; do
	name=$(basename "$file" | sed 's/\.\(xz\|zst\|gz\)$//')
	unpack "$root$file" >"$tree/mod/$name"
	echo "$name" >>"$tree/mod/order"
done
cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
while read -r module; do $b insmod /mod/$module; done </mod/order
n=0
while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do $b usleep 20000; n=$((n+1)); done
$b mount -t ext4 -o noatime /dev/vda /root || exec $b sh
for dir in dev proc sys; do $b mount --move /$dir /root/$dir; done
exec $b switch_root /root /lib/systemd/systemd
INIT
chmod +x "$tree/init"
(cd "$tree" && find . | cpio -o -H newc --quiet --owner=0:0) >"$out"
echo "vm-build: initrd of $version: $(du -k "$out" | cut -f1) KiB"
