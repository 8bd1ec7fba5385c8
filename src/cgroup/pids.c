/*
 * The processes of a cgroup: listing, signalling, killing. cgroup-v2.rst: "cgroup.procs",
 * "cgroup.kill".
 *
 * cgroup.kill (5.14) reaches everything at once, whatever forks meanwhile. Without it the
 * tree is stopped first if it has a freezer, and listed again until nothing new shows up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "cgroup/cgroup.h"
#include "cgroup/tree.h"

enum { PROCS_MAX = 16 << 20, PASSES = 10 };

struct pid_list {
	struct arena *arena;
	pid_t *v;
	size_t n, cap;
};

static void add_pid(struct pid_list *list, pid_t pid)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		pid_t *bigger = arena_array(list->arena, cap, sizeof(*bigger));

		if (list->n)
			memcpy(bigger, list->v, list->n * sizeof(*bigger));
		list->v = bigger;
		list->cap = cap;
	}
	list->v[list->n++] = pid;
}

/* The processes of one directory. 0 or -errno. */
static int read_procs(int dirfd, void *ctx)
{
	struct pid_list *list = ctx;
	char *text, *line, *save = NULL;
	uint64_t pid;
	size_t len;
	int r = fd_read_file(dirfd, "cgroup.procs", list->arena, PROCS_MAX, &text, &len);

	/* Gone meanwhile; or threaded (EOPNOTSUPP), then its processes are listed in
	 * the domain above. */
	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP)
		return 0;
	if (r)
		return r;
	/* 0 stands for a process that this pid namespace cannot see. */
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (parse_u64(line, INT32_MAX, &pid) && pid)
			add_pid(list, (pid_t)pid);
	return 0;
}

int cgroup_pids(const char *path, struct arena *arena, pid_t **ret, size_t *ret_n,
		struct err *e)
{
	struct pid_list list = { .arena = arena };
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : cgroup_walk(fd, arena, read_procs, &list);

	if (r)
		return err_sys(e, -r, "list the processes of cgroup %s", path);
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

/* Sends the signal to all that are listed; *ret_n = how many there were. Missing is
 * success. */
static int signal_pass(const char *path, int signal, size_t *ret_n, struct err *e)
{
	auto_arena arena = { 0 };
	pid_t *pids = NULL;
	int r = arena_init(&arena);

	*ret_n = 0;
	if (r)
		return err_sys(e, -r, "reserve memory");
	if (cgroup_pids(path, &arena, &pids, ret_n, e))
		return e->errnum == ENOENT ? 0 : -1;
	for (size_t i = 0; i < *ret_n; i++)
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			return err_sys(e, errno, "signal process %d of cgroup %s",
				       (int)pids[i], path);
	return 0;
}

/* Repeats while the number grows or changes: only what forked between list and signal
 * can be new. */
static int kill_listed(const char *path, struct err *e)
{
	size_t n = 0, before;

	for (int pass = 0; pass < PASSES; pass++) {
		before = n;
		if (signal_pass(path, SIGKILL, &n, e))
			return -1;
		if (!n || (pass && n <= before))
			return 0;
	}
	return 0;
}

/* Only a cgroup below a hierarchy's root holds a container: the root holds the host. */
static bool is_inner_cgroup(int fd)
{
	enum { CGROUP_V1 = 0x27e0eb, CGROUP_V2 = 0x63677270 };
	struct stat here, above;
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == CGROUP_V1 || fs.f_type == CGROUP_V2) &&
	       !fstat(fd, &here) && !fstatat(fd, "..", &above, 0) &&
	       here.st_dev == above.st_dev;
}

/* 0, 1 = there is none, -1. */
static int open_inner(const char *path, int *ret_fd, struct err *e)
{
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 1 : err_sys(e, errno, "open cgroup %s", path);
	if (!is_inner_cgroup(fd))
		return err_set(e, ERR_STATE,
			       "%s is no cgroup of a container: nothing in it is killed",
			       path);
	*ret_fd = fd_take(&fd);
	return 0;
}

int cgroup_kill_all(const char *path, struct err *e)
{
	auto_fd fd = -1;
	struct err ignored;
	int r = open_inner(path, &fd, e);

	if (r)
		return r < 0 ? -1 : 0;
	r = fd_write_file(fd, "cgroup.kill", "1", 1);
	if (!r || r == -ENODEV)
		return 0;
	/* EOPNOTSUPP: a threaded cgroup has only whole processes above it. */
	if (r != -ENOENT && r != -EOPNOTSUPP)
		return err_sys(e, -r, "kill the processes of cgroup %s", path);
	bool v1 = faccessat(fd, "freezer.state", F_OK, 0) == 0;
	bool stopped = cgroup_freeze(path, v1, true, 500, &ignored) == 0;

	r = kill_listed(path, e);
	/* The signal takes effect when they run again. */
	if (stopped)
		cgroup_freeze(path, v1, false, 500, &ignored);
	return r;
}

int cgroup_signal_all(const char *path, int signal, struct err *e)
{
	auto_fd fd = -1;
	size_t n;
	int r;

	if (signal == SIGKILL)
		return cgroup_kill_all(path, e);
	r = open_inner(path, &fd, e);
	if (r)
		return r < 0 ? -1 : 0;
	return signal_pass(path, signal, &n, e);
}
