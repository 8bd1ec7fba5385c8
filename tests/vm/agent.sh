#!/bin/bash
# Inside the VM: prepare login sessions, say READY, wait for "RUN epoch user mode
# base64(script)", run the script with its output going to the port "out", pack /mnt/out,
# report the exit status.  What can be done before READY is: it is part of the saved machine
# and costs a run nothing.
ports=/dev/virtio-ports
disks=/dev/disk/by-id
umask 022

ready() {
	[ -e $ports/ctl ] && [ -e $ports/out ] && [ -e $disks/virtio-work ] &&
		[ -S /run/user/1000/bus ] && [ -S /run/user/0/bus ]
}

# a login session per user that waits for its command on a fifo
open_sessions() {
	local user
	declare -gA session
	for user in root user; do
		mkfifo -m 600 /run/vm-go.$user
		chown $user /run/vm-go.$user
		runuser -l $user -s /bin/bash -c \
			"read -r x </run/vm-go.$user; eval \"exec \$x\" </dev/null >/run/vm-out 2>&1" &
		session[$user]=$!
	done
	for _ in $(seq 100); do
		[ "$(loginctl --no-legend list-sessions | wc -l)" = 2 ] && return
		sleep 0.2
	done
}

# have the programs that follow in the page cache before the machine is saved
warm_up() {
	busybox date >/dev/null
	busybox blockdev --getsize64 $disks/virtio-work >/dev/null
	busybox base64 </dev/null
	busybox mount >/dev/null
}

say() { printf '%s\n' "$*" >&3; }

# run USER MODE: run /run/vm-cmd that way
run() {
	local go="bash /run/vm-cmd"
	case $1.$2 in
	root.scope) go="systemd-run --quiet --scope -p Delegate=yes -p TasksMax=infinity $go" ;;
	user.scope) go="systemd-run --user --quiet --scope -p Delegate=yes $go" ;;
	esac
	if [ "$2" = service ]; then
		$go </dev/null >/run/vm-out 2>&1 3>&-
	else
		echo "$go" >"/run/vm-go.$1"
		wait "${session[$1]}"
	fi
}

for _ in $(seq 300); do
	ready && break
	sleep 0.1
done
chmod 1777 /mnt/out
mkfifo /run/vm-out
chmod 666 /run/vm-out
open_sessions
warm_up
exec 3<>$ports/ctl
say READY "$(uname -r)" "$(cut -d' ' -f1 /proc/uptime)"
while read -r word epoch user mode cmd <&3; do
	[ "$word" = RUN ] && break
done
# the machine may have been saved days ago, with the random state of then
busybox date -s "@$epoch" >/dev/null
echo "$epoch$cmd$RANDOM" >/dev/urandom
busybox blockdev --flushbufs $disks/virtio-work
busybox mount -t ext4 -o noatime $disks/virtio-work /mnt/work || say MOUNTFAIL
busybox base64 -d <<<"$cmd" >/run/vm-cmd
cat /run/vm-out >$ports/out &
copier=$!
run "$user" "$mode"
rc=$?
# daemons that the command left behind may still hold the pipe
for _ in 1 2 3 4 5 6 7 8 9 10; do
	kill -0 $copier 2>/dev/null || break
	sleep 0.1
done
kill $copier 2>/dev/null
wait $copier 2>/dev/null
printf '\n\001\002VM-EXIT %d\n' $rc >$ports/out
cd /mnt/out && [ -n "$(ls -A)" ] && tar -cf $disks/virtio-result . && sync $disks/virtio-result
say DONE
sleep infinity
