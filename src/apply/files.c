/*
 * Files of the host side: the state directory, the pid file, init's entry in /proc. Names
 * are relative to descriptors; the process's umask and directory are never changed,
 * threads share them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"

static int no_root(const char *path, struct err *e)
{
	int why = errno;

	return err_sys(e, why, "make the state directory %s%s", path,
		       why == EACCES || why == EPERM || why == EROFS
			       ? " (without root, set XDG_RUNTIME_DIR to a directory of "
				 "yours, or give --root)"
			       : "");
}

/* mkdir -p of the state root. */
static int make_root(struct apply *a, const char *root, struct err *e)
{
	char *path = arena_strdup(a->arena, root);

	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return no_root(path, e);
		*p = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return no_root(path, e);
	return 0;
}

/* The root is there for all containers but the first. */
static int make_dir(struct apply *a, const char *root, const char *path, struct err *e)
{
	int r = mkdir(path, 0700);

	if (r < 0 && errno == ENOENT) {
		if (make_root(a, root, e) < 0)
			return -1;
		r = mkdir(path, 0700);
	}
	return r < 0 ? no_root(path, e) : 0;
}

int host_state_make(struct apply *a, const struct step *s, struct err *e)
{
	const char *root = text_of(a, s->str[0]), *id = text_of(a, s->str[1]);
	const char *path = arena_printf(a->arena, "%s/%s", root, id);
	int dir;

	if (make_dir(a, root, path, e) < 0)
		return e->errnum == EEXIST
			       ? err_set(e, ERR_EXISTS,
					 "container with given ID already exists: \"%s\"",
					 id)
			       : -1;
	a->made[s - a->plan->host.v] = true;
	dir = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, errno, "open state directory %s", path);
	slot_set(a, SLOT_STATE, dir);
	return 0;
}

int host_state_write(struct apply *a, const struct step *s, struct err *e)
{
	(void)s;
	return a->calls && a->calls->state_write ? a->calls->state_write(a, e) : 0;
}

int host_state_devices(struct apply *a, const struct step *s, struct err *e)
{
	(void)s;
	return a->calls && a->calls->state_devices ? a->calls->state_devices(a, e) : 0;
}

int host_state_config(struct apply *a, const struct step *s, struct err *e)
{
	(void)s;
	return a->calls && a->calls->state_config ? a->calls->state_config(a, e) : 0;
}

int host_hooks(struct apply *a, const struct step *s, struct err *e)
{
	return a->calls && a->calls->hooks ? a->calls->hooks(a, (int)s->word[0], e) : 0;
}

/* Field 22; the name in field 2 may hold spaces and parentheses. */
int pid_start_time(pid_t pid, unsigned long long *ret)
{
	char path[32], line[1024], *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = fd_read_line(AT_FDCWD, path, line, sizeof(line));
	if (n < 0)
		return (int)n;
	p = strrchr(line, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EINVAL;
	*ret = strtoull(p + 1, NULL, 10);
	return 0;
}

/* Since Linux 6.9 pidfds have a file system of their own, where no two processes ever share an inode number. */
static bool pidfd_inode(int pidfd, unsigned long long *ret)
{
	enum { PID_FS = 0x50494446 };
	struct statfs fs;
	struct stat st;

	if (pidfd < 0 || fstatfs(pidfd, &fs) < 0 || fs.f_type != PID_FS ||
	    fstat(pidfd, &st) < 0)
		return false;
	*ret = st.st_ino;
	return true;
}

/* A symbolic link holds it: made in one call, whole or not at all. The start time has only 10 ms steps. */
int host_state_pid(struct apply *a, const struct step *s, struct err *e)
{
	int pidfd = a->payload_pidfd >= 0 ? a->payload_pidfd : slot_of(a, SLOT_PIDFD),
	    r = 0;
	unsigned long long number;
	char kind = 'i', text[64];

	(void)s;
	if (!pidfd_inode(pidfd, &number)) {
		kind = 's';
		r = pid_start_time(a->pid, &number);
	}
	if (r < 0)
		return err_sys(e, -r, "start time of process %d", (int)a->pid);
	snprintf(text, sizeof(text), "%d %c%llu", (int)a->pid, kind, number);
	if (symlinkat(text, slot_of(a, SLOT_STATE), "init") < 0)
		return err_sys(e, errno, "record init");
	return 0;
}

int host_pid_file(struct apply *a, const struct step *s, struct err *e)
{
	const char *path = text_of(a, s->str[0]);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)a->pid);
	int r = fd_replace_file(AT_FDCWD, path, text, (size_t)n, 0644);

	if (r < 0)
		return err_sys(e, -r, "write pid file %s", path);
	a->made[s - a->plan->host.v] = true;
	return 0;
}

int host_proc_write(struct apply *a, const struct step *s, struct err *e)
{
	const char *file = text_of(a, s->str[0]), *value = text_of(a, s->str[1]);
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)a->pid, file);
	r = fd_write_file(AT_FDCWD, path, value, strlen(value));
	return r < 0 ? err_sys(e, -r, "write \"%s\" to %s", value, path) : 0;
}
