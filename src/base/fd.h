/* File descriptors and small files: O_CLOEXEC at birth, -1 when empty, errors as -errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"

/* Closes *fd unless it is negative, and empties it. errno is kept. */
void fd_close(int *fd);
/* Closes n descriptors, in any order; negative ones are none. Those that follow each other go with one call. */
void fd_close_all(int *fds, size_t n);
/* Hands *fd over: the caller's variable is emptied. */
int fd_take(int *fd);

#define auto_fd __attribute__((cleanup(fd_close))) int

/* Reads a whole file of at most max bytes (it may grow or be endless: never more is read).
 * *ret_data is NUL-terminated in the arena. 0, -EFBIG, -EISDIR or another -errno. */
int fd_read_all(int fd, struct arena *arena, size_t max, char **ret_data,
		size_t *ret_len);
/* Opens (O_NONBLOCK, so that no FIFO can hold us) and reads a regular file below dirfd. -EINVAL when
 * it is not a regular file. /dev/stdin and /dev/fd/N are the caller's own descriptors, of any kind. */
int fd_read_file(int dirfd, const char *path, struct arena *arena, size_t max,
		 char **ret_data, size_t *ret_len);
/* Reads one short kernel file (/proc, /sys) into buf, NUL-terminated, trailing newline removed.
 * The length or -errno. */
ssize_t fd_read_line(int dirfd, const char *path, char *buf, size_t size);
/* One write(2) of the whole text: kernel files take it at once or not at all. 0 or -errno. */
int fd_write_file(int dirfd, const char *path, const void *data, size_t len);
/* Writes everything, over several write(2) if need be. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);
/* Writes a new file beside NAME and renames it: a reader sees the old or the new file. 0 or -errno. */
int fd_replace_file(int dirfd, const char *name, const void *data, size_t len,
		    mode_t mode);
