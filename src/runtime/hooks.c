/*
 * Hooks (config: POSIX-platform Hooks). A hook is a plan of its own, carried out like
 * exec: it starts with nothing but its own environment, the container's state as standard
 * input, in the bundle's directory, and no descriptor of ours. Its output is read, and the last line of it is quoted
 * when it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runtime/container.h"
#include "runtime/notify.h"

enum { STATE_TEXT_MAX = 16 << 20, TAIL = 400 };

/* One hook on its way. */
struct running {
	const struct hook *hook;
	const char *origin;
	pid_t pid;
	int pidfd, output;   /* the read end of its stdout and stderr */
	char tail[TAIL + 1]; /* the last bytes of its output */
	size_t tail_len;
	bool timed_out;
	bool confined; /* with the payload's rights only */
};

uint32_t hooks_present(const struct hooks *h)
{
	uint32_t bits = 0;

	for (int i = 0; h && i < HOOK_KINDS; i++)
		if (h->of[i].n)
			bits |= 1u << i;
	return bits;
}

/* Any length can be put into a memfd; a pipe would block us on a hook that does not
 * read. */
static int state_as_stdin(struct container *c, const char *status, int *ret,
			  struct err *e)
{
	auto_fd fd = memfd_create("state", MFD_CLOEXEC);
	struct buf b;
	int r;

	if (fd < 0)
		return err_sys(e, errno, "memfd_create");
	buf_init(&b, &c->skiff->arena, STATE_TEXT_MAX);
	state_report(c, status, c->pid, JSON_COMPACT, &b);
	r = fd_write_all(fd, b.p, b.len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, r < 0 ? -r : errno, "state for a hook");
	*ret = fd_take(&fd);
	return 0;
}

/* What runs after the pivot may be the image's own program: it is confined like the payload. */
static int plan_confined(struct container *c, const struct hook *hook, struct plan *ret,
			 struct err *e)
{
	struct process process = c->spec->process ? *c->spec->process
						  : (struct process){ 0 };
	struct plan_opts opts = {
		.id = c->id,
		.bundle = c->state.bundle,
		.state_root = c->skiff->root,
		.start_at_once = true,
		.cgroup_manager = c->state.cgroup_manager,
		.rootless = c->skiff->rootless,
		.program = hook->path,
	};
	struct plan_target target;
	struct host host;
	char *self = hook->path;

	process.terminal = false;
	process.cwd = "/";
	process.args = hook->args;
	if (!process.args.n)
		process.args = (strs){ .v = &self, .n = 1 };
	process.env = hook->env;
	if (container_target(c, &host, &target, e) < 0)
		return -1;
	return plan_build_exec(c->spec, &process, &host, &target, &opts, &c->skiff->arena,
			       ret, e);
}

struct hook_job {
	struct container *c;
	const char *status;
};

static int on_listener(struct apply *a, int to, int listener, struct err *e)
{
	struct hook_job *j = a->ctx;

	return listener_hand_over(j->c, j->status, a->payload > 0 ? a->payload : a->pid,
				  to, listener, e);
}

/* A FIFO without a reader would hold us for ever, one with a reader the hook. */
static int open_output(const char *key, const char *path, int *ret, struct err *e)
{
	auto_fd fd = openat(
		AT_FDCWD, path,
		O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st = { 0 };
	int flags;

	/* ENXIO: a FIFO or a socket. */
	if (fd < 0 && errno != ENXIO)
		return err_sys(e, errno, "annotation %s: open %s", key, path);
	if (fd < 0 || fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		return err_set(e, ERR_HOOK,
			       "annotation %s: %s is neither a regular file nor a "
			       "character device",
			       key, path);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return err_sys(e, errno, "annotation %s: fcntl %s", key, path);
	*ret = fd_take(&fd);
	return 0;
}

/* crun's annotations: the output goes to the end of these files, and is not ours to quote. */
static int output_to_files(struct container *c, struct apply *a, struct err *e)
{
	static const char *const keys[] = {
		[1] = "run.oci.hooks.stdout", [2] = "run.oci.hooks.stderr"
	};

	for (int i = 1; i <= 2; i++) {
		const char *path = spec_annotation(c->spec, keys[i]);
		int fd = -1;

		if (!path)
			continue;
		if (open_output(keys[i], path, &fd, e) < 0)
			return -1;
		fd_close(&a->stdio[i]);
		a->stdio[i] = fd;
	}
	return 0;
}

static int spawn(struct container *c, struct running *r, uint32_t join,
		 const char *status, int init_pidfd, struct err *e)
{
	static const struct apply_calls calls = { .listener = on_listener };
	struct hook_job job = { c, status };
	struct plan plan;
	struct apply a;
	int output[2], done;

	if (r->confined ? plan_confined(c, r->hook, &plan, e)
			: plan_build_hook(r->hook, c->state.bundle, join,
					  &c->skiff->arena, &plan, e))
		return -1;
	apply_init(&a, &plan, &c->skiff->arena);
	a.calls = &calls;
	a.ctx = &job;
	if (state_as_stdin(c, status, &a.stdio[0], e) < 0)
		return -1;
	if (pipe2(output, O_CLOEXEC) < 0) {
		err_sys(e, errno, "pipe");
		apply_done(&a);
		return -1;
	}
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	r->output = output[0];
	a.stdio[1] = output[1];
	a.stdio[2] = fcntl(output[1], F_DUPFD_CLOEXEC, 3);
	if (join)
		a.slots[SLOT_PIDFD] = fcntl(init_pidfd, F_DUPFD_CLOEXEC, 3);
	done = output_to_files(c, &a, e);
	if (!done)
		done = apply_run(&a, e);
	if (!done) {
		r->pid = a.payload > 0 ? a.payload : a.pid;
		r->pidfd = a.payload_pidfd >= 0 ? fd_take(&a.payload_pidfd)
						: fd_take(&a.slots[SLOT_PIDFD]);
	}
	apply_done(&a);
	return done;
}

/* Keeps the last bytes of the output. false = end of file. */
static bool read_output(struct running *r)
{
	char text[4096];
	ssize_t n = read(r->output, text, sizeof(text));
	size_t keep, add;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	add = (size_t)n < TAIL ? (size_t)n : TAIL;
	keep = r->tail_len + add > TAIL ? TAIL - add : r->tail_len;
	memmove(r->tail, r->tail + r->tail_len - keep, keep);
	memcpy(r->tail + keep, text + n - add, add);
	r->tail_len = keep + add;
	return true;
}

/* A hook that ran out of time takes its whole process group with it. */
static void end_by_force(struct running *r)
{
	r->timed_out = true;
	kill(-r->pid, SIGKILL);
	syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
}

static void follow(struct running *r)
{
	int64_t limit = r->hook->timeout.set ? clock_ms() + r->hook->timeout.v * 1000 : 0;
	struct pollfd p[] = { { r->pidfd, POLLIN, 0 }, { r->output, POLLIN, 0 } };

	for (;;) {
		int64_t left = limit && !r->timed_out ? limit - clock_ms() : -1;

		if (limit && !r->timed_out && left <= 0) {
			end_by_force(r);
			continue;
		}
		if (poll(p, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 &&
		    errno != EINTR)
			end_by_force(r);
		if (p[1].revents && !read_output(r))
			p[1].fd = -1;
		if (p[0].revents)
			break;
	}
	/* What it wrote last; a grandchild may hold the pipe open for ever, and is not
	 * waited for. */
	for (int i = 0; i < 64 && p[1].fd >= 0 && poll(&p[1], 1, 0) > 0; i++)
		if (!read_output(r))
			break;
}

/* The last line of the output, without the newline. */
static const char *last_line(struct running *r)
{
	char *newline;

	while (r->tail_len && r->tail[r->tail_len - 1] == '\n')
		r->tail_len--;
	r->tail[r->tail_len] = '\0';
	newline = strrchr(r->tail, '\n');
	return newline ? newline + 1 : r->tail;
}

static int judge(struct running *r, const char *kind, size_t index, struct err *e)
{
	const char *said = last_line(r);
	char how[64];
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)r->pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	if (r->timed_out)
		snprintf(how, sizeof(how), "timed out after %lld s",
			 (long long)r->hook->timeout.v);
	else if (info.si_code == CLD_EXITED && !info.si_status)
		return 0;
	else if (info.si_code == CLD_EXITED)
		snprintf(how, sizeof(how), "exit status %d", info.si_status);
	else
		snprintf(how, sizeof(how), "killed by signal %d", info.si_status);
	return err_at(e, ERR_HOOK, r->origin, "error running %s hook #%zu: %s: %s%s%s",
		      kind, index, r->hook->path, how, *said ? ": " : "", said);
}

static int run_one(struct container *c, const struct hook *hook, enum hook_kind kind,
		   size_t index, const char *status, int pidfd, struct err *e)
{
	bool inside = kind == HOOK_CREATE_CONTAINER || kind == HOOK_START_CONTAINER;
	const char *name = names_text(hook_names, kind);
	struct running r = {
		.hook = hook,
		.pidfd = -1,
		.output = -1,
		.confined = kind == HOOK_START_CONTAINER,
		.origin = arena_printf(&c->skiff->arena, "hooks.%s[%zu]", name, index),
	};
	int done = spawn(c, &r, inside ? spec_ns_flags(c->spec) : 0, status, pidfd, e);

	if (done < 0) {
		e->code = ERR_HOOK;
		err_wrap(e, "error running %s hook #%zu: %s", name, index, hook->path);
		snprintf(e->origin, sizeof(e->origin), "%s", r.origin);
	} else {
		follow(&r);
		done = judge(&r, name, index, e);
	}
	fd_close(&r.output);
	fd_close(&r.pidfd);
	return done;
}

int hooks_run(struct container *c, enum hook_kind kind, const char *status, int pidfd,
	      struct err *e)
{
	const hook_list *l;

	if (container_load_spec(c, e) < 0)
		return -1;
	if (!c->spec->hooks)
		return 0;
	l = &c->spec->hooks->of[kind];
	for (size_t i = 0; i < l->n; i++) {
		if (!run_one(c, &l->v[i], kind, i, status, pidfd, e))
			continue;
		if (kind != HOOK_POSTSTOP)
			return -1;
		/* A failing poststop hook is a warning, and the others are run. */
		sk_warn(c->skiff, "%s: %s", e->origin, e->msg);
	}
	return 0;
}
