/* Small-file helpers over plain system calls. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/names.h"
#include "base/sys.h"

enum { NAME_SIZE = 4096, NAME_TRIES = 100 };

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void fd_close_all(int *fds, size_t n)
{
	qsort(fds, n, sizeof(*fds), by_number);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && fds[end] == fds[end - 1] + 1;)
			end++;
		/* None between them is anybody else's. */
		if (fds[i] >= 0 && end > i + 1 &&
		    !sys_close_range((unsigned)fds[i], (unsigned)fds[end - 1], 0))
			continue;
		for (size_t k = i; k < end; k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* read(2) that goes on after a signal. */
static ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* known: the size that fstat told, 0 when it told none; reading ends there without asking
 * for the end. */
static int read_known(int fd, struct arena *arena, size_t max, size_t known,
		      char **ret_data, size_t *ret_len)
{
	size_t len = 0, cap = 32768;
	char *p;

	if (cap > max)
		cap = max;
	p = arena_alloc(arena, cap + 1);
	for (;;) {
		/* One byte more than fits: that tells "exactly full" from "too big". */
		ssize_t n = read_some(fd, p + len, cap + 1 - len);

		if (n < 0)
			return (int)n;
		if (!n)
			break;
		len += (size_t)n;
		if (len <= cap && len == known)
			break;
		if (len <= cap)
			continue;
		if (cap >= max)
			return -EFBIG;
		cap = cap > max / 4 ? max : cap * 4;
		char *bigger = arena_alloc(arena, cap + 1);
		memcpy(bigger, p, len);
		p = bigger;
	}
	p[len] = '\0';
	*ret_data = p;
	*ret_len = len;
	return 0;
}

int fd_read_all(int fd, struct arena *arena, size_t max, char **ret_data, size_t *ret_len)
{
	return read_known(fd, arena, max, 0, ret_data, ret_len);
}

/* A descriptor that the caller handed over by name, such as a shell's <(command): its number, or -1. */
static int named_descriptor(const char *path)
{
	static const char *const places[] = { "/dev/fd/", "/proc/self/fd/" };

	if (!strcmp(path, "/dev/stdin"))
		return STDIN_FILENO;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t n = strlen(places[i]);
		uint64_t number;

		if (!strncmp(path, places[i], n) && parse_u64(path + n, INT_MAX, &number))
			return (int)number;
	}
	return -1;
}

static int read_regular(int dirfd, const char *path, struct arena *arena, size_t max,
			char **ret_data, size_t *ret_len)
{
	auto_fd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > 0 && (uintmax_t)st.st_size > max)
		return -EFBIG;
	return read_known(fd, arena, max, (size_t)st.st_size, ret_data, ret_len);
}

int fd_read_file(int dirfd, const char *path, struct arena *arena, size_t max,
		 char **ret_data, size_t *ret_len)
{
	int named = named_descriptor(path);

	/* Opened once more, a pipe could not be waited for. */
	return named >= 0 ? fd_read_all(named, arena, max, ret_data, ret_len)
			  : read_regular(dirfd, path, arena, max, ret_data, ret_len);
}

ssize_t fd_read_line(int dirfd, const char *path, char *buf, size_t size)
{
	auto_fd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_some(fd, buf, size - 1);
	if (n < 0)
		return n;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_write_file(int dirfd, const char *path, const void *data, size_t len)
{
	auto_fd fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* A new file beside the one to be replaced. What bears its name already, a link of somebody's or what a process that was
 * killed has left, is not touched. */
static int open_beside(int dirfd, const char *name, mode_t mode, char tmp[NAME_SIZE])
{
	int fd = -EEXIST;

	for (int i = 0; i < NAME_TRIES && fd == -EEXIST; i++) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (snprintf(tmp, NAME_SIZE, "%s.%llx-%lx", name,
			     (unsigned long long)now.tv_sec,
			     (unsigned long)now.tv_nsec) >= NAME_SIZE)
			return -ENAMETOOLONG;
		fd = openat(dirfd, tmp,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd < 0)
			fd = -errno;
	}
	return fd;
}

int fd_replace_file(int dirfd, const char *name, const void *data, size_t len,
		    mode_t mode)
{
	char tmp[NAME_SIZE];
	auto_fd fd = open_beside(dirfd, name, mode, tmp);
	int r;

	if (fd < 0)
		return fd;
	r = fd_write_all(fd, data, len);
	if (!r && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r)
		unlinkat(dirfd, tmp, 0);
	return r;
}
