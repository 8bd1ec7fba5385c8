/* `delete`: the container's shim is gone, or was never there. Nothing left to do is a success. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* Of a shim that was killed. */
static void remove_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[ADDRESS_MAX];

	if (fd < 0 || fd_read_line(AT_FDCWD, "address", text, sizeof(text)) <= 0 ||
	    strncmp(text, "unix://", 7) != 0 || strlen(text + 7) >= sizeof(at.sun_path))
		return;
	strcpy(at.sun_path, text + 7);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED)
		unlink(at.sun_path);
}

int launch_delete(const struct shim_args *args, struct arena *arena)
{
	Pb__DeleteResponse r = PB__DELETE_RESPONSE__INIT;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;
	const char *root = bundle_noted_root(arena);
	const char *bundle = *args->bundle ? args->bundle : getcwd(NULL, 0);
	ProtobufCBinaryData d;
	struct timespec now;
	char pid[32];

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
