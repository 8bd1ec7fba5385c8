#!/bin/bash
# configure-root.sh ROOTFS: turn the tree into a small, quick-booting, otherwise ordinary
# systemd machine whose agent waits for a command on a virtio port.  May be run again.
set -euo pipefail
root=$1
here=$(dirname "$(readlink -f "$0")")

# put FILE LINE...: write a file of the tree
put() {
	local file=$root$1
	shift
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$@" >"$file"
}

identity() {
	put /etc/hostname vm
	put /etc/hosts '127.0.0.1 localhost vm'
	: >"$root/etc/resolv.conf"
	put /etc/fstab '/dev/vda / ext4 noatime 0 1'
	put /etc/machine-id 0123456789abcdef0123456789abcdef
	mkdir -p "$root/mnt/work" "$root/mnt/out"
}

# "user" has subordinate ids and, as the guides for rootless containers tell people to set up,
# lingers and owns all controllers
users() {
	local name
	sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
	grep -q ^user: "$root/etc/passwd" ||
		chroot "$root" useradd -m -s /bin/bash -u 1000 user
	for name in subuid subgid; do
		put /etc/$name user:100000:65536 containers:1000000:1048576
	done
	mkdir -p "$root/var/lib/systemd/linger"
	touch "$root/var/lib/systemd/linger/"{user,root}
	put /etc/systemd/system/user@.service.d/delegate.conf \
		'[Service]' 'Delegate=cpu cpuset io memory pids'
}

# engines start only on demand; nothing is periodic; no consoles
services() {
	local unit
	put /etc/systemd/journald.conf.d/vm.conf '[Journal]' Storage=volatile RuntimeMaxUse=16M
	for unit in docker.service docker.socket containerd.service podman.service \
		podman.socket podman-auto-update.service podman-auto-update.timer \
		podman-restart.service apt-daily.timer apt-daily-upgrade.timer \
		dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
		getty@.service serial-getty@.service systemd-networkd.service \
		systemd-resolved.service systemd-timesyncd.service apparmor.service \
		criu.service remote-fs.target; do
		chroot "$root" systemctl disable -q $unit 2>/dev/null || :
	done
	for unit in getty.target systemd-hwdb-update.service systemd-random-seed.service \
		systemd-machine-id-commit.service systemd-firstboot.service \
		systemd-pcrphase.service systemd-pcrphase-sysinit.service \
		systemd-timesyncd.service systemd-update-utmp.service \
		systemd-update-utmp-runlevel.service e2scrub_reap.service systemd-pstore.service \
		systemd-journal-flush.service systemd-tmpfiles-clean.timer ldconfig.service; do
		ln -sf /dev/null "$root/etc/systemd/system/$unit"
	done
	chroot "$root" systemctl set-default -q multi-user.target
}

agent() {
	install -m755 "$here/agent.sh" "$root/usr/local/sbin/vm-agent"
	put /etc/systemd/system/vm-agent.service '[Unit]' \
		'Description=run one command sent over a virtio port' \
		'Wants=dbus.service systemd-logind.service user@0.service user@1000.service' \
		'After=dbus.service systemd-logind.service user@0.service user@1000.service' \
		'[Service]' ExecStart=/usr/local/sbin/vm-agent StandardOutput=journal+console \
		TasksMax=infinity KillMode=process '[Install]' WantedBy=default.target
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -sf ../vm-agent.service "$root/etc/systemd/system/multi-user.target.wants/vm-agent.service"
}

# for bundles (/srv/bundle/rootfs) and for image import (/srv/busybox.tar); podman asks nothing
images() {
	local dir=$root/srv/bundle/rootfs applet
	rm -rf "$root/srv/bundle"
	mkdir -p "$dir"/{bin,proc,sys,dev,tmp,etc,root}
	chmod 1777 "$dir/tmp"
	cp "$root/bin/busybox" "$dir/bin/busybox"
	for applet in $(chroot "$root" /bin/busybox --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$dir/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' \
		>"$dir/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$dir/etc/group"
	tar -C "$dir" -cf "$root/srv/busybox.tar" .
	put /etc/containers/policy.json '{"default":[{"type":"insecureAcceptAnything"}]}'
}

identity
users
services
agent
images
