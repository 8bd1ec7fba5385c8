/*
 * The socket of the container's readiness (sd_notify(3)): a directory of the state directory that the container sees at
 * /run/notify. `run` makes the socket itself; after `create` whoever starts the container does, since a socket lives no longer
 * than a process that has it open. Who listens: src/runtime/notify.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"

/* More is not ours: the container cannot write there. */
enum { REMOVE_MAX = 4096 };

static int open_place(int dir)
{
	return openat(dir, "notify", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whoever runs in the container may write; nobody else reaches it. (fchmod before bind is no way, bind takes the umask off,
 * which is the whole process's and not ours to change.) By a descriptor: the name may be another's by now. */
static int open_to_all(int place)
{
	auto_fd fd = openat(place, "notify.sock", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[48];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, 0666) < 0 ? -errno : 0;
}

static int bind_for_all(int fd, const struct sockaddr_un *at, int place)
{
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		return -errno;
	return open_to_all(place);
}

int notify_listen(int dir, struct err *e)
{
	auto_fd place = open_place(dir);
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	int r;

	if (place < 0)
		return err_sys(e, errno, "open the directory of the notify socket");
	if (fd < 0)
		return err_sys(e, errno, "socket");
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/notify.sock", place);
	r = bind_for_all(fd, &at, place);
	return r < 0 ? err_sys(e, -r, "make the container's notify.sock") : fd_take(&fd);
}

void notify_remove(int dir)
{
	int fd = open_place(dir);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	for (int i = 0; d && i < REMOVE_MAX && (entry = readdir(d)); i++)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	else
		fd_close(&fd);
	unlinkat(dir, "notify", AT_REMOVEDIR);
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
