/*
 * The socket of the container's readiness (sd_notify(3)): a directory of the state directory that the container sees at
 * /run/notify. `run` makes the socket itself; after `create` whoever starts the container does, since a socket lives no longer
 * than a process that has it open. Who listens: src/runtime/notify.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"

int notify_listen(int dir, struct err *e)
{
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (fd < 0)
		return err_sys(e, errno, "socket");
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/notify/notify.sock",
		 dir);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys(e, errno, "make the container's notify.sock");
	/* Whoever runs in the container; nobody else reaches it. */
	if (fchmodat(AT_FDCWD, at.sun_path, 0666, 0) < 0)
		return err_sys(e, errno, "open the container's notify.sock");
	return fd_take(&fd);
}

int host_notify_make(struct apply *a, const struct step *s, struct err *e)
{
	int dir = slot_of(a, SLOT_STATE), fd;

	/* mkdir is told the caller's umask. */
	if (mkdirat(dir, "notify", 0755) < 0 || fchmodat(dir, "notify", 0755, 0) < 0)
		return err_sys(e, errno, "make the directory of the notify socket");
	if (!s->word[0])
		return 0;
	fd = notify_listen(dir, e);
	if (fd < 0)
		return -1;
	slot_set(a, SLOT_NOTIFY, fd);
	return 0;
}
