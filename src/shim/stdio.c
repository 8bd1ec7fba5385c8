/*
 * Opening what containerd names. A fifo for output is opened for both directions: that waits for nobody, and a client that goes
 * takes nothing along. Of stdin's fifo a spare writing end is kept until CloseIO, for the same reason.
 */
#include "shim/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/pump.h"

void stdio_init(struct stdio *s, struct arena *arena, bool terminal, const char *in,
		const char *out, const char *err)
{
	*s = (struct stdio){
		.arena = arena,
		.terminal = terminal,
		.paths = { arena_strdup(arena, in), arena_strdup(arena, out),
			   arena_strdup(arena, terminal ? "" : err) },
		.theirs = { -1, -1, -1 },
		.master = -1,
		.spare = -1,
		.logger = { .ready.fd = -1, .pidfd = -1 },
	};
	for (int i = 0; i < PUMPS; i++)
		s->pumps[i].from.fd = s->pumps[i].to.fd = -1;
}

/* The scheme of "scheme://rest", or NULL: a path. */
static const char *after_scheme(const char *uri, const char *scheme)
{
	size_t n = strlen(scheme);

	return !strncmp(uri, scheme, n) && !strncmp(uri + n, "://", 3) ? uri + n + 3
								       : NULL;
}

static bool is_logger(const struct stdio *s)
{
	return after_scheme(s->paths[PUMP_OUT], "binary") ||
	       after_scheme(s->paths[PUMP_OUT], "binary-v2");
}

/* --- files --- */

static void make_parents(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static int open_log_file(const char *path, struct arena *arena)
{
	char *copy = arena_strdup(arena, path);

	make_parents(copy);
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
}

/* A fifo, or (is_fifo false) a file that takes the output as it is. */
static int open_output(struct stdio *s, const char *uri, bool *ret_is_fifo)
{
	const char *path = after_scheme(uri, "file");
	struct stat st;
	int fd;

	*ret_is_fifo = false;
	if (path)
		return open_log_file(path, s->arena);
	path = after_scheme(uri, "fifo");
	if (!path && strstr(uri, "://")) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	path = path ? path : uri;
	if (stat(path, &st) < 0)
		return -1;
	*ret_is_fifo = S_ISFIFO(st.st_mode);
	fd = open(path, (*ret_is_fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_APPEND) |
				O_CLOEXEC | O_NOCTTY);
	return fd;
}

/* --- streams --- */

static int null_fd(int flags)
{
	return open("/dev/null", flags | O_CLOEXEC);
}

static int make_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int open_stdout(struct stdio *s, int which, struct err *e)
{
	const char *uri = s->paths[which];
	struct pump *p = &s->pumps[which];
	auto_fd fd = -1;
	bool is_fifo;

	if (!*uri) {
		s->theirs[which] = null_fd(O_WRONLY);
		return s->theirs[which] < 0 ? err_sys(e, errno, "open /dev/null") : 0;
	}
	fd = open_output(s, uri, &is_fifo);
	if (fd < 0)
		return err_sys(e, errno, "open %s", uri);
	if (!is_fifo) {
		s->theirs[which] = fd_take(&fd);
		return 0;
	}
	p->to.fd = fd_take(&fd);
	if (s->terminal)
		return 0;
	return make_pipe(&p->from.fd, &s->theirs[which]) < 0 ? err_sys(e, errno, "pipe")
							     : 0;
}

static int open_stdin(struct stdio *s, struct err *e)
{
	const char *path = s->paths[PUMP_IN];
	struct pump *p = &s->pumps[PUMP_IN];

	if (!*path) {
		s->theirs[PUMP_IN] = null_fd(O_RDONLY);
		return s->theirs[PUMP_IN] < 0 ? err_sys(e, errno, "open /dev/null") : 0;
	}
	p->from.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (p->from.fd < 0)
		return err_sys(e, errno, "open %s", path);
	s->spare = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (s->terminal)
		return 0;
	return make_pipe(&s->theirs[PUMP_IN], &p->to.fd) < 0 ? err_sys(e, errno, "pipe")
							     : 0;
}

static void on_logger(struct logger *l, const struct err *e)
{
	struct stdio *s = OWNER(l, struct stdio, logger);

	s->opened(s, e);
}

/* The program writes into the logger's pipes, past us; a terminal's output is copied into the first one. */
static int open_logger(struct stdio *s, const char *id, const char *namespace,
		       struct err *e)
{
	char *env[] = { arena_printf(s->arena, "CONTAINER_ID=%s", id),
			arena_printf(s->arena, "CONTAINER_NAMESPACE=%s", namespace),
			NULL };
	int ends[] = { -1, -1 }, r = -1;

	if (make_pipe(&ends[0], &s->theirs[PUMP_OUT]) < 0 ||
	    make_pipe(&ends[1], &s->theirs[PUMP_ERR]) < 0) {
		err_sys(e, errno, "pipe");
	} else {
		if (s->terminal)
			fd_close(&s->theirs[PUMP_ERR]);
		s->logger.done = on_logger;
		r = logger_start(&s->logger, s->paths[PUMP_OUT], env, ends, s->arena, e);
	}
	fd_close_all(ends, 2);
	return r < 0 ? -1 : 1;
}

int stdio_open(struct stdio *s, const char *id, const char *namespace, struct err *e)
{
	if (open_stdin(s, e) < 0)
		return -1;
	if (is_logger(s))
		return open_logger(s, id, namespace, e);
	if (open_stdout(s, PUMP_OUT, e) < 0)
		return -1;
	return s->terminal ? 0 : open_stdout(s, PUMP_ERR, e);
}

static void start_pump(struct stdio *s, int which, int from, int to)
{
	pump_start(&s->pumps[which], s, from, to, s->terminal);
}

static void start_terminal(struct stdio *s, int master)
{
	struct pump *in = &s->pumps[PUMP_IN], *out = &s->pumps[PUMP_OUT];
	int to = out->to.fd >= 0 ? out->to.fd : fd_take(&s->theirs[PUMP_OUT]);

	s->master = master;
	if (in->from.fd >= 0)
		start_pump(s, PUMP_IN, in->from.fd, fcntl(master, F_DUPFD_CLOEXEC, 3));
	start_pump(s, PUMP_OUT, fcntl(master, F_DUPFD_CLOEXEC, 3), to);
}

void stdio_start(struct stdio *s, int master)
{
	if (master >= 0)
		start_terminal(s, master);
	for (int i = 0; i < PUMPS; i++) {
		fd_close(&s->theirs[i]);
		if (master < 0 && s->pumps[i].from.fd >= 0)
			start_pump(s, i, s->pumps[i].from.fd, s->pumps[i].to.fd);
	}
}

bool stdio_is_busy(const struct stdio *s)
{
	return pump_is_open(&s->pumps[PUMP_OUT]) || pump_is_open(&s->pumps[PUMP_ERR]);
}

void stdio_close_input(struct stdio *s)
{
	fd_close(&s->spare);
}

void stdio_resize(const struct stdio *s, uint16_t columns, uint16_t rows)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (s->master >= 0)
		ioctl(s->master, TIOCSWINSZ, &size);
}

void stdio_close(struct stdio *s)
{
	s->drained = NULL;
	logger_forget(&s->logger);
	for (int i = 0; i < PUMPS; i++) {
		pump_close(&s->pumps[i]);
		fd_close(&s->theirs[i]);
	}
	fd_close(&s->spare);
	fd_close(&s->master);
}
