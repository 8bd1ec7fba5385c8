/*
 * Making, opening and entering cgroups, and writing their files.
 * Documentation/admin-guide/cgroup-v2.rst: "Enabling and Disabling";
 * cgroup-v1/cpusets.rst.
 *
 * In the common case (parents exist, controllers are enabled) this is mkdir and open, and
 * one read of the new directory's cgroup.controllers where controllers matter. A write to
 * cgroup.subtree_control is avoided whenever a read can tell that it is needless: the
 * kernel waits there for cgroups that are still being destroyed.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "plan/host.h"

enum { LEVELS_MAX = 64 };

/* A path below a hierarchy's mount, cut at each of its directories. */
struct place {
	char full[PATH_MAX];
	size_t end[LEVELS_MAX + 1]; /* length of the path up to level i; 0 = the mount */
	int depth;                  /* of the last directory */
	int first_new; /* the highest level that was made here; depth + 1 = none */
};

static const struct {
	uint32_t bit;
	const char *name;
} v2_controllers[] = {
	{ CT_CPU, "cpu" },   { CT_CPUSET, "cpuset" }, { CT_MEMORY, "memory" },
	{ CT_IO, "io" },     { CT_PIDS, "pids" },     { CT_HUGETLB, "hugetlb" },
	{ CT_RDMA, "rdma" }, { CT_MISC, "misc" },
};
#define N_CONTROLLERS (sizeof(v2_controllers) / sizeof(v2_controllers[0]))

static int find_place(struct place *p, const char *mount, const char *path, struct err *e)
{
	int n = snprintf(p->full, sizeof(p->full), "%s%s", mount, path);

	if (n < 0 || (size_t)n >= sizeof(p->full))
		return err_set(e, ERR_CONFIG, "cgroup path %s is too long", path);
	p->end[0] = strlen(mount);
	p->depth = 0;
	for (const char *s = path; *s;) {
		s += 1 + strcspn(s + 1, "/");
		if (p->depth == LEVELS_MAX)
			return err_set(e, ERR_CONFIG,
				       "cgroup path %s is deeper than %d levels", path,
				       LEVELS_MAX);
		p->end[++p->depth] = p->end[0] + (size_t)(s - path);
	}
	p->first_new = p->depth + 1;
	return 0;
}

/* Calls f with the path of one level. */
static int at_level(struct place *p, int level, int (*f)(const char *path))
{
	char cut = p->full[p->end[level]];
	int r;

	p->full[p->end[level]] = '\0';
	r = f(p->full);
	p->full[p->end[level]] = cut;
	return r;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int remove_dir(const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}

static int open_dir(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The last directory first: usually only it is missing. 0, -EEXIST (it is there
 * already) or another -errno. */
static int make_dirs(struct place *p)
{
	int r = make_dir(p->full);

	if (!r)
		p->first_new = p->depth;
	if (r != -ENOENT)
		return r;
	for (int level = 1; level <= p->depth; level++) {
		r = at_level(p, level, make_dir);
		if (r && (r != -EEXIST || level == p->depth))
			return r;
		if (!r && level < p->first_new)
			p->first_new = level;
	}
	return 0;
}

static void unmake_dirs(struct place *p)
{
	for (int level = p->depth; level >= p->first_new; level--)
		at_level(p, level, remove_dir);
}

/* --- v2: controllers --- */

static uint32_t parse_controllers(const char *text)
{
	uint32_t bits = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		for (size_t i = 0; i < N_CONTROLLERS; i++)
			if (strlen(v2_controllers[i].name) == n &&
			    !memcmp(v2_controllers[i].name, text, n))
				bits |= v2_controllers[i].bit;
		text += n + (text[n] == ' ');
	}
	return bits;
}

static uint32_t controllers_of(int dirfd)
{
	char text[512];

	return fd_read_line(dirfd, "cgroup.controllers", text, sizeof(text)) < 0
		       ? 0
		       : parse_controllers(text);
}

/* "+cpu +memory", or plain names for a message. */
static void list_controllers(uint32_t bits, const char *sign, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < N_CONTROLLERS && n < size; i++)
		if (bits & v2_controllers[i].bit)
			n += (size_t)snprintf(text + n, size - n, "%s%s%s", n ? " " : "",
					      sign, v2_controllers[i].name);
}

static int write_subtree(int dirfd, uint32_t bits)
{
	char text[128];

	list_controllers(bits, "+", text, sizeof(text));
	return fd_write_file(dirfd, "cgroup.subtree_control", text, strlen(text));
}

static int subtree_error(struct place *p, int level, uint32_t bits, int r, struct err *e)
{
	const char *why = r == -EBUSY ? " (it holds processes itself)"
			  : r == -EACCES || r == -EPERM
				  ? " (it is not delegated to this user)"
				  : "";
	char names[128];

	list_controllers(bits, "", names, sizeof(names));
	p->full[p->end[level]] = '\0';
	err_sys(e, -r, "cannot enable the cgroup controllers %s in %s%s", names, p->full,
		why);
	e->code = ERR_HOST;
	return -1;
}

/* Enables controllers for the children of one level. Those that nothing depends on may
 * fail. */
static int enable_at(struct place *p, int level, uint32_t missing, uint32_t required,
		     struct err *e)
{
	auto_fd fd = at_level(p, level, open_dir);
	int r = fd < 0 ? fd : write_subtree(fd, missing);

	if (!r || !(missing & required))
		return 0;
	if (missing & ~required)
		r = write_subtree(fd, missing & required);
	return r ? subtree_error(p, level, missing & required, r, e) : 0;
}

/*
 * What a directory's cgroup.controllers says is what its parent's cgroup.subtree_control
 * says: so one read for each level, upwards until everything required is available, and
 * then writes downwards.
 */
static int enable_controllers(struct place *p, int dirfd, uint32_t wanted,
			      uint32_t required, struct err *e)
{
	uint32_t has[LEVELS_MAX + 1];
	int level = p->depth;

	has[level] = controllers_of(dirfd);
	if (!(wanted & ~has[level]))
		return 0;
	do {
		auto_fd fd = at_level(p, --level, open_dir);

		has[level] = fd < 0 ? 0 : controllers_of(fd);
	} while (level && (level >= p->first_new || (required & ~has[level])));
	if (required & ~has[level]) {
		char names[128];

		list_controllers(required & ~has[level], "", names, sizeof(names));
		p->full[p->end[level]] = '\0';
		return err_set(e, ERR_HOST,
			       "the cgroup controllers %s are not available in %s", names,
			       p->full);
	}
	for (; level < p->depth; level++) {
		uint32_t missing = wanted & has[level] & ~has[level + 1];

		if (missing && enable_at(p, level, missing, required, e))
			return -1;
		has[level + 1] |= missing;
	}
	return 0;
}

/* --- v1: cpuset --- */

static int copy_file(int from, int to, const char *file, struct err *e)
{
	char text[4096];
	ssize_t n = fd_read_line(from, file, text, sizeof(text));
	int r = n < 0 ? (int)n : fd_write_file(to, file, text, (size_t)n);

	return r ? err_sys(e, -r, "copy the parent's %s to a new cgroup", file) : 0;
}

/* A v1 cpuset begins empty, and nothing can enter it then. */
static int inherit_cpuset(struct place *p, struct err *e)
{
	for (int level = p->first_new; level <= p->depth; level++) {
		auto_fd parent = at_level(p, level - 1, open_dir);
		auto_fd child = at_level(p, level, open_dir);

		if (parent < 0 || child < 0)
			return err_sys(e, parent < 0 ? -parent : -child, "open %s",
				       p->full);
		if (copy_file(parent, child, "cpuset.cpus", e) ||
		    copy_file(parent, child, "cpuset.mems", e))
			return -1;
	}
	return 0;
}

/* --- */

/* A directory that somebody else left: fit for use when nothing runs in it. */
static int check_unused(int dirfd, const char *path, struct err *e)
{
	char text[256];
	ssize_t n = fd_read_line(dirfd, "cgroup.events", text, sizeof(text));

	if (n == -ENOENT) {
		n = fd_read_line(dirfd, "cgroup.procs", text, sizeof(text));
		if (n > 0)
			return err_set(e, ERR_STATE,
				       "cgroup %s is not empty: process %.*s is in it",
				       path, (int)strcspn(text, "\n"), text);
	}
	if (n < 0)
		return err_sys(e, (int)-n, "read the state of cgroup %s", path);
	if (strstr(text, "populated 1"))
		return err_set(e, ERR_STATE,
			       "cgroup %s is not empty: processes are in it", path);
	if (strstr(text, "frozen 1"))
		return err_set(e, ERR_STATE, "cgroup %s is frozen", path);
	return 0;
}

static int set_up(struct place *p, int dirfd, uint32_t controllers, bool v1,
		  struct err *e)
{
	uint32_t wanted = controllers & 0xffff, required = controllers >> 16;

	if (p->first_new > p->depth && check_unused(dirfd, p->full, e))
		return -1;
	if (v1)
		return controllers & CT_CPUSET ? inherit_cpuset(p, e) : 0;
	return wanted ? enable_controllers(p, dirfd, wanted, required, e) : 0;
}

int cgroup_make(const char *mount, const char *path, uint32_t controllers, bool v1,
		int *ret_fd, bool *ret_made, struct err *e)
{
	struct place p;
	int r;

	if (find_place(&p, mount, path, e))
		return -1;
	if (!p.depth)
		return err_set(e, ERR_CONFIG, "the root cgroup %s is not a container's",
			       mount);
	r = make_dirs(&p);
	auto_fd fd = !r || r == -EEXIST ? open_dir(p.full) : r;

	if (fd < 0)
		err_sys(e, -fd, "make cgroup %s", p.full);
	if (fd < 0 || set_up(&p, fd, controllers, v1, e)) {
		unmake_dirs(&p);
		return -1;
	}
	*ret_made = p.first_new <= p.depth;
	*ret_fd = fd_take(&fd);
	return 0;
}

int cgroup_open(const char *mount, const char *path, uint32_t controllers, int *ret_fd,
		struct err *e)
{
	uint32_t wanted = controllers & 0xffff, required = controllers >> 16;
	struct place p;

	if (find_place(&p, mount, path, e))
		return -1;
	auto_fd fd = open_dir(p.full);

	if (fd < 0)
		return err_sys(e, -fd, "open cgroup %s", p.full);
	if (wanted && enable_controllers(&p, fd, wanted, required, e))
		return -1;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* What an errno means for a file of a cgroup, as far as it is known. */
static const char *why_refused(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return " (the controller is not enabled here, or the kernel has no such "
		       "limit)";
	case EBUSY:
		return " (more than that is in use)";
	case EINVAL:
	case ERANGE:
		return " (the kernel does not take this value)";
	case ENODEV:
		return " (no such device)";
	case EACCES:
	case EPERM:
		return " (this cgroup is not delegated to this user)";
	default:
		return "";
	}
}

int cgroup_write(int dirfd, const char *file, const char *value, struct err *e)
{
	int r;

	if (dirfd < 0)
		return err_sys(e, ENOENT, "set %s: the container has no cgroup", file);
	r = fd_write_file(dirfd, file, value, strlen(value));
	if (!r)
		return 0;
	return err_sys(e, -r, "set %s of the cgroup to \"%s\"%s", file, value,
		       why_refused(-r));
}

int cgroup_join(int dirfd, pid_t pid, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	int r = fd_write_file(dirfd, "cgroup.procs", text, (size_t)n);

	if (!r)
		return 0;
	return err_sys(e, -r, "move process %d into its cgroup%s", (int)pid,
		       r == -EBUSY    ? " (it has children with controllers)"
		       : r == -ENOSPC ? " (its cpuset has no cpus or mems)"
				      : "");
}
