/*
 * Idmapped mounts: mount_setattr(MOUNT_ATTR_IDMAP) with a user namespace that carries the mappings, Linux 5.12. One
 * that is nobody's is held by a child that was born in it and is gone before we go on: its zombie is enough to
 * write the maps and to open the namespace, so nothing of it can be left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/stat.h>
#include <sys/wait.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

enum { STACK_SIZE = 4096, MOUNTINFO_MAX = 16 << 20, KINDS_MAX = 200 };

static int leave(void *unused)
{
	(void)unused;
	sys_exit_group(0);
	return 0;
}

/* A child of no consequence to the caller: it sends no signal, and no handler runs in it. */
static pid_t born_dead(struct err *e)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	uint64_t all = ~(uint64_t)0, old;
	int pid, error;

	sys_rt_sigprocmask(SIG_SETMASK, &all, &old, sizeof(all));
	pid = clone(leave, stack + STACK_SIZE,
		    CLONE_NEWUSER | CLONE_VFORK | (SYS_HAS_VM_CLONE ? CLONE_VM : 0),
		    NULL);
	error = errno;
	sys_rt_sigprocmask(SIG_SETMASK, &old, NULL, sizeof(old));
	return pid < 0 ? err_sys(e, error,
				 "make a user namespace for an idmapped mount%s",
				 error == ENOSPC ? " (the limit "
						   "/proc/sys/user/max_user_namespaces "
						   "is reached)"
						 : "")
		       : pid;
}

static int write_map(pid_t pid, const char *file, const char *text, struct err *e)
{
	char path[40];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = fd_write_file(AT_FDCWD, path, text, strlen(text));
	return r < 0 ? err_sys(e, -r, "write %s of an idmapped mount", file) : 0;
}

static int open_userns(pid_t pid, struct err *e)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "open %s", path) : fd;
}

static int new_userns(const char *uids, const char *gids, struct err *e)
{
	pid_t pid = born_dead(e);
	int fd = -1;

	if (pid < 0)
		return -1;
	if (!write_map(pid, "uid_map", uids, e) && !write_map(pid, "gid_map", gids, e))
		fd = open_userns(pid, e);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return fd;
}

int host_userns(struct apply *a, const struct step *s, struct err *e)
{
	int fd = s->word[0] ? open_userns(a->pid, e)
			    : new_userns(text_of(a, s->str[0]), text_of(a, s->str[1]), e);

	if (fd < 0)
		return -1;
	slot_set(a, s->slot[0], fd);
	return 0;
}

/* --- what went wrong --- */

/* A word of mountinfo, which ends at a blank; *at goes behind it. */
static char *next_word(char **at)
{
	return strsep(at, " ");
}

static void add_kind(char kinds[KINDS_MAX], const char *kind)
{
	size_t n = strlen(kinds);

	if (!strstr(kinds, kind))
		snprintf(kinds + n, KINDS_MAX - n, "%s%s", n ? ", " : "", kind);
}

/* The line "ID PARENT MAJ:MIN ROOT POINT OPTIONS [OPTIONAL...] - TYPE ...". */
static void look_at_line(char *line, uint64_t id, const char *path, bool rec,
			 char kinds[KINDS_MAX])
{
	char *dash = strstr(line, " - "), *at = line, *point = NULL;
	uint64_t number = strtoull(line, NULL, 10);
	size_t n = strlen(path);

	if (!dash)
		return;
	*dash = '\0';
	dash += 3;
	for (int i = 0; i < 5; i++)
		point = next_word(&at);
	if (number == id || (rec && point && !strncmp(point, path, n) && point[n] == '/'))
		add_kind(kinds, next_word(&dash));
}

/* The kinds of file systems that the mount is made of. */
static void find_kinds(struct apply *a, const char *path, bool rec, char kinds[KINDS_MAX])
{
	struct statx st;
	char *text, *line;
	size_t n;
	auto_fd fd = openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	kinds[0] = '\0';
	if (fd < 0 || sys_statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0 ||
	    fd_read_all(fd, a->arena, MOUNTINFO_MAX, &text, &n) < 0)
		return;
	while ((line = strsep(&text, "\n")))
		look_at_line(line, st.stx_mnt_id, path, rec, kinds);
}

static int explain(struct apply *a, const struct step *s, int error, struct err *e)
{
	const char *path = text_of(a, s->str[0]);
	char kinds[KINDS_MAX];

	if (error == ENOSYS)
		return err_set(e, ERR_HOST,
			       "idmapped mounts need Linux 5.12 (mount_setattr)");
	find_kinds(a, path, s->flags & STEP_REC, kinds);
	e->errnum = error;
	if (error == EINVAL && *kinds)
		return err_set(
			e, ERR_HOST,
			"idmap %s: the file system (%s) cannot be idmapped by this "
			"kernel",
			path, kinds);
	if (error == EPERM)
		return err_set(e, ERR_HOST,
			       "idmap %s: not permitted: the file system (%s) belongs to "
			       "another user namespace, or the mount is idmapped already",
			       path, kinds);
	return err_sys(e, error, "idmap %s", path);
}

int host_idmap(struct apply *a, const struct step *s, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				   .userns_fd = (uint64_t)slot_of(a, s->slot[1]) };
	unsigned flags = AT_EMPTY_PATH | (s->flags & STEP_REC ? AT_RECURSIVE : 0);
	int fd = slot_of(a, s->slot[0]);
	long r = fd < 0 ? -ENOSYS : sys_mount_setattr(fd, "", flags, &attr, sizeof(attr));

	return r < 0 ? explain(a, s, (int)-r, e) : 0;
}
