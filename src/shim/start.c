/*
 * `start`: a pod's first container gets a server of its own, the others its address. The server is a child of this process that
 * lets go of everything: containerd waits for the end of our output.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "shim/exit.h"
#include "shim/files.h"
#include "shim/launch.h"
#include "shim/log.h"
#include "shim/proto/launch.pb-c.h"
#include "shim/publish.h"
#include "shim/task.h"
#include "shim/wire.h"

#define SOCKET_DIR "/run/containerd/s"

enum { BACKLOG = 128, BIND_TRIES = 3, OOM_SCORE_MAX = 1000, LISTENER = 3 };

struct start {
	const struct shim_args *args;
	struct arena *arena;
	const char *socket_dir, *path, *address, *ttrpc;
	bool bootstrap; /* containerd 2.3 or newer: the answer is a message */
	struct run_options options;
};

/* --- what containerd says on stdin --- */

static void take_options(const char *type, const void *data, size_t n)
{
	shim.options_type = type;
	shim.options = data;
	shim.options_len = n;
}

/* An Any can be read as bootstrap parameters as well: only the right ids prove those. */
static bool take_bootstrap(struct start *s, ProtobufCBinaryData input)
{
	const Pb__BootstrapParams *p = wire_unpack(&pb__bootstrap_params__descriptor,
						   s->arena, input.data, input.len);

	if (!p || strcmp(p->instance_id, s->args->id) != 0 ||
	    strcmp(p->namespace_, s->args->namespace) != 0)
		return false;
	for (size_t i = 0; i < p->n_extensions; i++) {
		const Pb__Any *any = p->extensions[i]->value;

		if (any && strstr(any->type_url, "Options"))
			take_options(any->type_url, any->value.data, any->value.len);
	}
	if (*p->socket_dir)
		s->socket_dir = p->socket_dir;
	if (*p->containerd_ttrpc_address)
		s->ttrpc = p->containerd_ttrpc_address;
	s->bootstrap = true;
	return true;
}

static void read_input(struct start *s)
{
	ProtobufCBinaryData input = launch_input(s->arena);
	const Pb__Any *any;

	take_options("", "", 0);
	if (!take_bootstrap(s, input)) {
		any = wire_unpack(&pb__any__descriptor, s->arena, input.data, input.len);
		if (any)
			take_options(any->type_url, any->value.data, any->value.len);
	}
	run_options_default(s->args->namespace, s->arena, &s->options);
	run_options_read(shim.options_type, shim.options, shim.options_len, s->arena,
			 &s->options);
}

/* --- the socket --- */

/* FNV-1a, 128 bits: names need to differ, no more. */
static const char *socket_name(const struct start *s, const char *group)
{
	const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
	unsigned __int128 h = (unsigned __int128)0x6c62272e07bb0142 << 64 |
			      0x62b821756295c58d;
	const char *text = arena_printf(s->arena, "%s/%s/%s", s->args->address,
					s->args->namespace, group);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * prime;
	return arena_printf(s->arena, "%s/skiff-%016llx%016llx", s->socket_dir,
			    (unsigned long long)(h >> 64), (unsigned long long)h);
}

static bool fill_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return false;
	strcpy(ret->sun_path, path);
	return true;
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool somebody_listens(const struct sockaddr_un *at)
{
	auto_fd fd = new_socket();

	return fd >= 0 && (!connect(fd, (const struct sockaddr *)at, sizeof(*at)) ||
			   errno == EAGAIN);
}

/* Who may write there could put a socket of his own in our place. */
static int check_socket_dir(const struct start *s, int dir, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_sys(e, errno, "look at %s", s->socket_dir);
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(
			e, ERR_HOST,
			"socket directory %s: others own it or may write there: remove "
			"it, or set its mode to 0700",
			s->socket_dir);
	return 0;
}

/* A listening socket; -1: one serves already; -2: *e says why. */
static int open_socket(const struct start *s, struct err *e)
{
	auto_fd fd = new_socket(), lock = -1;
	struct sockaddr_un at;

	if (!fill_address(s->path, &at)) {
		err_set(e, ERR_HOST, "socket %s: the path is too long", s->path);
		return -2;
	}
	mkdir("/run/containerd", 0711);
	mkdir(s->socket_dir, 0700);
	umask(0177);
	/* One at a time: who finds a socket that nobody listens at may take it for a dead one. */
	lock = open(s->socket_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0) {
		err_sys(e, errno, "lock %s", s->socket_dir);
		return -2;
	}
	if (check_socket_dir(s, lock, e) < 0)
		return -2;
	for (int i = 0; i < BIND_TRIES; i++) {
		if (!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, BACKLOG))
			return fd_take(&fd);
		if (errno != EADDRINUSE)
			break;
		if (somebody_listens(&at))
			return -1;
		/* Of a shim that was killed. */
		unlink(s->path);
	}
	err_sys(e, errno, "listen at %s", s->path);
	return -2;
}

/* --- the server --- */

/* The kernel should kill containers first, the shim before containerd. */
static void set_oom_score(void)
{
	char text[32];
	int score;

	if (fd_read_line(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof(text)) <= 0)
		return;
	score = atoi(text) + 1;
	snprintf(text, sizeof(text), "%d", score > OOM_SCORE_MAX ? OOM_SCORE_MAX : score);
	fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", text, strlen(text));
}

/* One that exists; in version 1 of each controller. */
static void enter_cgroup(const struct start *s)
{
	static const char *const trees[] = { "",         "/cpu",    "/cpuacct", "/memory",
					     "/pids",    "/blkio",  "/devices", "/cpuset",
					     "/freezer", "/unified" };

	if (!*s->options.shim_cgroup)
		return;
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		fd_write_file(AT_FDCWD,
			      arena_printf(s->arena, "/sys/fs/cgroup%s/%s/cgroup.procs",
					   trees[i], s->options.shim_cgroup),
			      "0", 1);
}

static void let_go(int listener)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	shim_log_open();
	dup2(listener, LISTENER);
	fcntl(LISTENER, F_SETFD, FD_CLOEXEC);
	sys_close_range(LISTENER + 1, ~0u, 0);
}

static int serve(const struct start *s, int listener)
{
	setpgid(0, 0);
	set_oom_score();
	enter_cgroup(s);
	let_go(listener);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	umask(022);
	shim.namespace = s->args->namespace;
	publish_init(s->ttrpc, shim.namespace);
	if (loop_init() < 0 || children_init() < 0 ||
	    server_init(LISTENER, s->path) < 0) {
		shim_log("error", "start: %s", strerror(errno));
		return 1;
	}
	exit_when_idle();
	loop_run();
	server_stop_listening();
	return 0;
}

/* --- the answer --- */

static int answer(const struct start *s)
{
	Pb__BootstrapResult r = PB__BOOTSTRAP_RESULT__INIT;
	ProtobufCBinaryData d = { strlen(s->address), (uint8_t *)s->address };

	if (s->bootstrap) {
		r.version = 3;
		r.address = (char *)s->address;
		r.protocol = (char *)"ttrpc";
		d = wire_pack(s->arena, &r.base);
	}
	return fd_write_all(STDOUT_FILENO, d.data, d.len) < 0;
}

int launch_start(const struct shim_args *args, struct arena *arena)
{
	struct start s = {
		.args = args,
		.arena = arena,
		.socket_dir = SOCKET_DIR,
		.ttrpc = getenv("TTRPC_ADDRESS"),
	};
	struct err e = { 0 };
	auto_fd listener = -1;
	pid_t pid;
	int r;

	read_input(&s);
	s.path = socket_name(&s, bundle_group(args->id, arena));
	s.address = arena_printf(arena, "unix://%s", s.path);
	/* Before there is a socket: whatever happens from now on, `delete` finds it. */
	r = fd_replace_file(AT_FDCWD, "address", s.address, strlen(s.address), 0600);
	if (r < 0)
		return launch_fail("write address: %s", strerror(-r));
	listener = open_socket(&s, &e);
	if (listener == -2)
		return launch_fail("%s", e.msg);
	if (listener >= 0) {
		/* Small, and before anything was used: this fork costs little, once for a pod. */
		pid = fork();
		if (pid < 0)
			return launch_fail("fork: %s", strerror(errno));
		if (!pid)
			return serve(&s, listener);
	}
	return answer(&s);
}
