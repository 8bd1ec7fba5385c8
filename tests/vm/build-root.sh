#!/bin/bash
# build-root.sh ROOTFS: make a Debian 12 tree with systemd, the peers and the engines in it.
# $VM_EXTRA_PKGS are installed as well.  Its log is ROOTFS.log.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/apt-suite.sh"
root=$1
mirror=$(suite_mirror bookworm)
security=$(suite_mirror bookworm-security)
packages="systemd systemd-sysv libpam-systemd dbus dbus-user-session udev kmod
	containerd runc crun podman docker.io conmon criu uidmap slirp4netns netavark
	aardvark-dns iptables apparmor jq iproute2 procps python3 strace busybox-static bpftool
	attr catatonit docker-compose buildah skopeo fuse-overlayfs libseccomp2 libcap2 libyajl2 libsystemd0 ${VM_EXTRA_PKGS:-}"

in_root() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} chroot "$root" "$@" >>"$root.log" 2>&1 ||
		{ tail -30 "$root.log" >&2; return 1; }
}

# no documentation, no daemons started, no fsync; the machine's own way to the mirror
prepare() {
	local suite
	for suite in "$mirror bookworm" "$mirror bookworm-updates" "$security bookworm-security"; do
		echo "deb $suite main"
	done >"$root/etc/apt/sources.list"
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	printf 'path-exclude=/usr/share/%s/*\n' doc man locale >"$root/etc/dpkg/dpkg.cfg.d/nodoc"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
	apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until)\b' |
		grep -vi pipeline >"$root/etc/apt/apt.conf.d/99host" || :
}

clean() {
	rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/apt/apt.conf.d/99host" \
		"$root"/var/lib/apt/lists/*_* "$root/etc/resolv.conf"
}

rm -rf --one-file-system "$root"
mkdir -p "$root"
echo "vm-build: making the tree (log: $root.log)"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
	{ tail -20 "$root.log" >&2; exit 1; }
prepare
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
in_root apt-get update -q
in_root apt-get install -qy --no-install-recommends $packages
in_root apt-get clean
clean
echo "vm-build: tree of $(du -sxm "$root" | cut -f1) MiB"
