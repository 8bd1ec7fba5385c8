/*
 * What init gets as descriptors: mount sources, namespaces, sockets. They are opened in
 * the caller's namespaces and with the caller's rights, before anything of the container
 * exists.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/packet.h"
#include "base/sys.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* Where the kernel cannot (before 5.12), init clones it from mounts that are slaves. */
static long leave_group(long fd)
{
	struct mount_attr none = { .propagation = MS_PRIVATE };
	long r = sys_mount_setattr((int)fd, "", AT_EMPTY_PATH, &none, sizeof(none));

	if (r == 0)
		return fd;
	close((int)fd);
	return -ENOSYS;
}

int host_source(struct apply *a, const struct step *s, struct err *e)
{
	const char *path = text_of(a, s->str[0]);
	unsigned flags = OPEN_TREE_CLONE | O_CLOEXEC |
			 (s->flags & STEP_REC ? AT_RECURSIVE : 0) |
			 (s->flags & STEP_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	long fd = sys_open_tree(AT_FDCWD, path, flags);

	if (fd >= 0 && s->flags & STEP_IN_USERNS)
		fd = leave_group(fd);
	if ((fd == -ENOSYS || fd == -EPERM) && !(s->flags & STEP_LAST))
		return 0; /* init opens it in its own way */
	if (fd < 0)
		return err_sys(e, (int)-fd, "mount source %s", path);
	slot_set(a, s->slot[0], (int)fd);
	return 0;
}

int host_ns_open(struct apply *a, const struct step *s, struct err *e)
{
	const char *path = text_of(a, s->str[0]);
	/* O_NONBLOCK: the path may name a FIFO. */
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int type;

	if (fd < 0)
		return err_sys(e, errno, "open namespace %s", path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_set(e, ERR_CONFIG, "%s is not a namespace", path);
	if ((uint64_t)type != s->word[0])
		return err_set(e, ERR_CONFIG, "%s is a namespace of another type", path);
	slot_set(a, s->slot[0], fd_take(&fd));
	return 0;
}

/* A path may be longer than sun_path: then it is named by a descriptor. */
static int set_address(struct sockaddr_un *to, const char *path, int *ret_fd,
		       struct err *e)
{
	to->sun_family = AF_UNIX;
	*ret_fd = -1;
	if (strlen(path) < sizeof(to->sun_path)) {
		strcpy(to->sun_path, path);
		return 0;
	}
	*ret_fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_sys(e, errno, "socket %s", path);
	snprintf(to->sun_path, sizeof(to->sun_path), "/proc/self/fd/%d", *ret_fd);
	return 0;
}

enum { SOCKET_SECONDS = 5 };

int connect_to(const char *path, int type, struct err *e)
{
	auto_fd fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), place = -1;
	struct timeval limit = { .tv_sec = SOCKET_SECONDS };
	struct sockaddr_un to = { 0 };
	int r;

	if (fd < 0)
		return err_sys(e, errno, "socket");
	if (set_address(&to, path, &place, e) < 0)
		return -1;
	/* Neither for a place in the queue nor for room in the buffer we wait for ever. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return err_sys(e, errno, "socket");
	r = connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (r < 0 && errno == EAGAIN)
		return err_set(e, ERR_SYSTEM,
			       "connect to socket %s: nobody has accepted it for %d s",
			       path, SOCKET_SECONDS);
	if (r < 0)
		return err_sys(e, errno, "connect to socket %s", path);
	return fd_take(&fd);
}

int host_connect(struct apply *a, const struct step *s, struct err *e)
{
	int fd = connect_to(text_of(a, s->str[0]), SOCK_STREAM, e);

	if (fd < 0)
		return -1;
	slot_set(a, s->slot[0], fd);
	return 0;
}

int host_listen(struct apply *a, const struct step *s, struct err *e)
{
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (fd < 0)
		return err_sys(e, errno, "socket");
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/start",
		 slot_of(a, SLOT_STATE));
	/* bind(2) gives the file the mode of the socket: nobody else connects, whatever the umask is. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 1) < 0)
		return err_sys(e, errno, "make the start socket");
	slot_set(a, s->slot[0] < 0 ? SLOT_LISTEN : s->slot[0], fd_take(&fd));
	return 0;
}

int send_fd(int sock, const void *data, size_t n, int fd, struct err *e)
{
	int r = packet_send(sock, data, n, fd);

	return r < 0 ? err_sys(e, -r, "send a descriptor") : 0;
}

int host_pidfd_send(struct apply *a, const struct step *s, struct err *e)
{
	auto_fd sock = connect_to(text_of(a, s->str[0]), SOCK_STREAM, e);
	int fd = a->payload_pidfd >= 0 ? a->payload_pidfd : slot_of(a, SLOT_PIDFD);

	return sock < 0 ? -1 : send_fd(sock, "pidfd", 5, fd, e);
}
