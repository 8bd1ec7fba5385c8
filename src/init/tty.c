/*
 * The terminal: a pair from the container's own devpts, the payload's end taken from the
 * master (TIOCGPTPEER) and bound on /dev/console by descriptor, so that no name is looked
 * up twice (CVE-2025-52565, CVE-2026-88264).
 */
#include "init/files.h"

#include <asm/ioctls.h>
#include <asm/statfs.h>
#include <asm/termios.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include "init/stat.h"

#define STREAMS         3
#define PTMX_MAJOR      5
#define PTMX_MINOR      2
/* Major numbers of terminals: the consoles, and Unix98 pairs. */
#define TTY_MAJOR       4
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST  143

static int open_master(struct init *c, int root)
{
	int dir = path_open(c, root, "dev/pts", O_PATH | O_DIRECTORY, 0), r;
	struct statx node;
	struct statfs st;
	int master;

	r = dir < 0 ? dir : (int)sys_fstatfs(dir, &st);
	if (r < 0)
		return r;
	if (st.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	/* That file system's own node, not what the container may have bound over it. */
	master = path_open(c, dir, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW,
			   RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	r = master < 0 ? master
		       : (int)sys_statx(master, "", AT_EMPTY_PATH, STATX_TYPE, &node);
	if (r < 0)
		return r;
	return S_ISCHR(node.stx_mode) && node.stx_rdev_major == PTMX_MAJOR &&
			       node.stx_rdev_minor == PTMX_MINOR
		       ? master
		       : -ENODEV;
}

static int open_peer(struct init *c, int master)
{
	int unlock = 0;
	int r = (int)sys_ioctl(master, TIOCSPTLCK, &unlock);

	if (r < 0)
		return r;
	return fds_note(c, sys_ioctl(master, TIOCGPTPEER,
				     (void *)(long)(O_RDWR | O_NOCTTY | O_CLOEXEC)));
}

static int bind_console(struct init *c, int root, int peer)
{
	static const char console[] = "dev/console";
	char path[sizeof(console)], name[INIT_NAME_MAX + 1];
	int dir, place;

	__builtin_memcpy(path, console, sizeof(console));
	dir = path_parent(c, root, path, 0755, name);
	place = dir < 0 ? dir : path_place(c, dir, name);
	if (place < 0)
		return place;
	return mount_bind(c, peer, place);
}

static int hand_over(struct init *c, const struct step *s, int master)
{
	struct report r = { .what = SYNC_TTY, .op = s->op };
	static const char name[] = "/dev/ptmx";

	if (s->slot[0] == SLOT_TALK)
		return talk_send_fd(fds_slot(c, SLOT_TALK), &r, sizeof(r), master);
	return talk_send_fd(fds_slot(c, s->slot[0]), name, sizeof(name) - 1, master);
}

int op_tty(struct init *c, const struct step *s)
{
	struct winsize size = { .ws_row = (unsigned short)(s->word[0] >> 16),
				.ws_col = (unsigned short)s->word[0] };
	int root = fds_slot(c, SLOT_ROOTFS), master, peer, r = 0;

	/* exec: init is inside already. */
	if (root < 0)
		root = fds_note(c, sys_openat(AT_FDCWD, "/",
					      O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	master = root < 0 ? root : open_master(c, root);
	if (master < 0)
		return master;
	peer = open_peer(c, master);
	if (peer < 0)
		return peer;
	if (s->word[0])
		r = (int)sys_ioctl(master, TIOCSWINSZ, &size);
	if (r >= 0 && s->word[2])
		r = (int)sys_fchown(peer, (uint32_t)s->word[2], ~0u);
	if (r >= 0 && s->word[1])
		r = bind_console(c, root, peer);
	if (r >= 0)
		r = hand_over(c, s, master);
	if (r >= 0)
		fds_set(c, SLOT_TTY, peer);
	return r;
}

int op_tty_use(struct init *c, const struct step *s)
{
	int tty = fds_slot(c, SLOT_TTY), r = tty;

	(void)s;
	for (int fd = 0; fd < STREAMS && r >= 0; fd++)
		r = (int)sys_dup3(tty, fd, 0);
	return r < 0 ? r : (int)sys_ioctl(0, TIOCSCTTY, NULL);
}

/* A stream that is a file or a device such as /dev/null belongs to somebody else
 * (CVE-2026-88265). */
static bool is_ours(const struct statx *st)
{
	if (S_ISFIFO(st->stx_mode) || S_ISSOCK(st->stx_mode))
		return true;
	return S_ISCHR(st->stx_mode) && (st->stx_rdev_major == TTY_MAJOR ||
					 (st->stx_rdev_major >= PTS_MAJOR_FIRST &&
					  st->stx_rdev_major <= PTS_MAJOR_LAST));
}

int op_stdio_owner(struct init *c, const struct step *s)
{
	uint32_t uid = (uint32_t)s->word[0];

	(void)c;
	for (int fd = 0; fd < STREAMS; fd++) {
		struct statx st;
		int r = (int)sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID,
				       &st);

		if (r == -EBADF || (r >= 0 && (!is_ours(&st) || st.stx_uid == uid)))
			continue;
		if (r >= 0)
			r = (int)sys_fchown(fd, uid, ~0u);
		/* Not ours to give away, or not at all: the payload lives with it. */
		if (r < 0 && r != -EPERM && r != -EROFS && r != -EINVAL)
			return r;
	}
	return 0;
}
