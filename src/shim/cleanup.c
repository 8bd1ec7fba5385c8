/* `delete`: the container's shim is gone, or was never there. Nothing left to do is a success. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <skiff/skiff.h>

#include "base/fd.h"
#include "shim/files.h"
#include "shim/launch.h"
#include "shim/rootfs.h"
#include "shim/wire.h"

enum { KILLED = 137, ADDRESS_MAX = 200 };

static void delete_container(const struct shim_args *args, const char *root)
{
	struct skiff_options o = { .size = sizeof(o), .root = root };
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s;

	if (skiff_new(&o, &s, &e) < 0 || skiff_delete(s, args->id, true, &e) < 0)
		launch_fail("%s", e.message);
	else
		skiff_free(s);
}

/* Connecting to what is no socket is refused, too: it must never be removed. */
static bool is_socket_of_a_shim(const char *path)
{
	const char *name = strrchr(path, '/');
	struct stat st;

	return name && !strncmp(name, "/skiff-", 7) && !lstat(path, &st) &&
	       S_ISSOCK(st.st_mode) && st.st_uid == geteuid();
}

/* Of a shim that was killed. */
static void remove_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[ADDRESS_MAX];

	if (fd < 0 || fd_read_line(AT_FDCWD, "address", text, sizeof(text)) <= 0 ||
	    strncmp(text, "unix://", 7) != 0 || strlen(text + 7) >= sizeof(at.sun_path) ||
	    !is_socket_of_a_shim(text + 7))
		return;
	strcpy(at.sun_path, text + 7);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED)
		unlink(at.sun_path);
}

/* What lies in the bundle decides what is killed and removed. true as well when it is gone. */
static bool is_trusted(const char *dir)
{
	struct stat st;

	return stat(dir, &st) < 0 ||
	       (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

int launch_delete(const struct shim_args *args, struct arena *arena)
{
	Pb__DeleteResponse r = PB__DELETE_RESPONSE__INIT;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;
	const char *bundle = *args->bundle ? args->bundle : getcwd(NULL, 0);
	ProtobufCBinaryData d;
	struct timespec now;
	const char *root;
	char pid[32];

	if (*args->bundle && chdir(args->bundle) < 0 && errno != ENOENT)
		return launch_fail("bundle %s: %s", args->bundle, strerror(errno));
	if (!is_trusted("."))
		return launch_fail(
			"%s: others own it or may write there: it is not obeyed",
			bundle ? bundle : "bundle");
	root = bundle_noted_root(arena);
	if (root)
		delete_container(args, root);
	if (bundle)
		rootfs_unmount(arena_printf(arena, "%s/rootfs", bundle));
	remove_socket();
	clock_gettime(CLOCK_REALTIME, &now);
	at.seconds = now.tv_sec;
	at.nanos = (int32_t)now.tv_nsec;
	if (fd_read_line(AT_FDCWD, "init.pid", pid, sizeof(pid)) > 0)
		r.pid = (uint32_t)atoi(pid);
	r.exit_status = KILLED;
	r.exited_at = &at;
	d = wire_pack(arena, &r.base);
	return fd_write_all(STDOUT_FILENO, d.data, d.len) < 0;
}
