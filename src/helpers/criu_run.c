/*
 * Becomes criu, in a mount namespace of its own, so that everything that criu needs to have mounted goes with criu,
 * whatever its end is: the hierarchies of cgroups and, for a restore, the root file system as a mount, which criu wants,
 * and the empty file and directory that cover masked paths, mounts below sources of bind mounts. Mount points that the root file system lacks are made,
 * without following a link out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helpers/criu.h"

static int fault(const char *form, ...) __attribute__((format(printf, 1, 2)));
static int fault(const char *form, ...)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%d ", errno);
	va_list ap;

	va_start(ap, form);
	vsnprintf(text + n, sizeof(text) - (size_t)n, form, ap);
	va_end(ap);
	send_packet(FAULT, text, -1);
	return -1;
}

static int open_inside(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* One part of a mount point: its parent is there. */
static int make_part(int root, char *path, bool directory)
{
	char *name = strrchr(path, '/');
	int parent, r, fd;

	*name = '\0';
	parent = open_inside(root, *path ? path : "/", O_PATH | O_DIRECTORY);
	*name++ = '/';
	if (parent < 0)
		return -1;
	if (directory) {
		r = mkdirat(parent, name, 0755);
	} else {
		fd = openat(parent, name,
			    O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
		r = fd < 0 ? -1 : close(fd);
	}
	close(parent);
	return r;
}

/* Clean absolute path; like the source: a directory or a file. */
static int make_mount_point(int root, char *path, const char *source)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return fault("mount source %s", source);
	for (char *slash = path + 1; slash; slash++) {
		int fd;

		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		fd = open_inside(root, path, O_PATH);
		if (fd < 0 && (errno != ENOENT ||
			       make_part(root, path, slash || S_ISDIR(st.st_mode)) < 0))
			return fault("make the mount point %s", path);
		if (fd >= 0)
			close(fd);
		if (!slash)
			return 0;
		*slash = '/';
	}
	return 0;
}

static int make_stage(const char *stage)
{
	int fd;

	if (unshare(CLONE_NEWNS) < 0)
		return fault("make a mount namespace for criu");
	if (mount("", "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return fault("keep mounts of criu's from the host");
	if (mount("skiff", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=64k") <
		    0 ||
	    chdir(stage) < 0)
		return fault("mount a tmpfs at %s", stage);
	if (mkdir("root", 0700) < 0 || mkdir("d", 0755) < 0 || mkdir("cgroups", 0700) < 0)
		return fault("make directories in %s", stage);
	fd = open("f", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
	return fd < 0 ? fault("make a file in %s", stage) : close(fd);
}

/* A hierarchy of cgroups: criu uses what is there instead of mounting it. */
static int show_hierarchy(const char *name, const char *mounted)
{
	char path[NAME_MAX + 16];

	snprintf(path, sizeof(path), "cgroups/%s", name);
	if (mkdir(path, 0700) < 0 || mount(mounted, path, NULL, MS_BIND, NULL) < 0)
		return fault("show criu the cgroups at %s", mounted);
	return 0;
}

/* The host's mount at suffix below a bind mount's source, for criu to bind: "mN". */
static int show_below(const char *suffix, const char *source)
{
	static int n;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int dir = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, tree, r;
	struct stat st;
	char name[16];

	snprintf(name, sizeof(name), "m%d", n++);
	fd = (int)syscall(SYS_openat2, dir, suffix, &how, sizeof(how));
	tree = (int)syscall(SYS_open_tree, fd, "",
			    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || fstat(tree, &st) < 0)
		return fault("mount %s/%s", source, suffix);
	r = S_ISDIR(st.st_mode) ? mkdir(name, 0700) : mknod(name, S_IFREG | 0600, 0);
	if (r < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, name,
			     MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fault("show criu the mount %s/%s", source, suffix);
	close(tree);
	close(fd);
	return close(dir);
}

static int prepare_pair(int root, char *what, const char *source)
{
	if (*what == '/')
		return make_mount_point(root, what, source);
	return *what == '+' ? show_below(what + 1, source) : show_hierarchy(what, source);
}

static int open_root(const char *rootfs)
{
	int root;

	if (!*rootfs)
		return -1;
	if (mount(rootfs, "root", NULL, MS_BIND | MS_REC, NULL) < 0)
		return fault("root file system %s", rootfs);
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? fault("open %s", rootfs) : root;
}

static int prepare(char **args)
{
	int root, r = 0;

	if (make_stage(args[0]) < 0)
		return -1;
	root = open_root(args[1]);
	if (root < 0 && *args[1])
		return -1;
	for (char **pair = args + 2; !r && pair[0] && pair[1]; pair += 2)
		r = prepare_pair(root, pair[0], pair[1]);
	if (r < 0)
		return -1;
	close(root);
	if (mount(NULL, args[0], NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV,
		  NULL) < 0)
		return fault("make %s read-only", args[0]);
	return chdir("/");
}

/* criu mounts something in its working directory: that must be in its own mount namespace. */
static int open_again(int fd)
{
	char link[32], path[PATH_MAX];
	struct stat old, new;
	ssize_t n;
	int again;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	again = open(path, O_RDONLY | O_DIRECTORY);
	if (again < 0 || fstat(fd, &old) < 0 || fstat(again, &new) < 0)
		return fault("open %s", path);
	if (old.st_dev != new.st_dev || old.st_ino != new.st_ino) {
		errno = ESTALE;
		return fault("%s is another directory now", path);
	}
	dup2(again, fd);
	return close(again);
}

/* criu looks for descriptors that it is told of in the process that made its socket: this one. */
static int make_socket(void)
{
	int pair[2], other;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fault("socketpair");
	if (send_packet(FAULT, "0", pair[0]) < 0)
		return -1;
	/* Either may be CRIU already. */
	other = fcntl(pair[1], F_DUPFD_CLOEXEC, WORK + 1);
	close(pair[0]);
	close(pair[1]);
	return dup2(other, CRIU) < 0 ? -1 : close(other);
}

int criu_run(char **args)
{
	char *argv[] = { args[0], "swrk", "3", NULL };

	if (!args[1] || !args[2] ||
	    (prepare(args + 1) < 0 || open_again(IMAGES) < 0 || open_again(WORK) < 0))
		return 1;
	if (make_socket() < 0)
		return 1;
	fcntl(FAULT, F_SETFD, FD_CLOEXEC);
	execv(args[0], argv);
	fault("execute %s", args[0]);
	return 1;
}
