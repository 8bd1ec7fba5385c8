/*
 * The payload (config: Process), for create, run and exec alike: its place (directory, program), what surrounds it
 * (terminal, limits, keyring, scheduling), and the end, the exec. Who it is and what it may do: identity.c.
 *
 * Directory and program come first and as root of the container, so that `create` reports what is missing; engines
 * tell "not found" from other failures there.
 */
#include <linux/sched.h>
#include <string.h>

#include "plan/notify.h"
#include "plan/parts.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The value of a variable of the process, or NULL. */
static const char *env_value(const struct process *pr, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < pr->env.n; i++)
		if (!strncmp(pr->env.v[i], name, n) && pr->env.v[i][n] == '=')
			return pr->env.v[i] + n + 1;
	return NULL;
}

const char *part_at(const struct build *b)
{
	return b->target ? "" : "process.";
}

/* --- place --- */

static void find(struct build *b)
{
	const struct process *pr = b->process;
	const char *path = env_value(pr, "PATH");
	const char *program = b->opts->program ? b->opts->program : pr->args.v[0];
	bool search = !strchr(program, '/');
	struct step *s;

	s = plan_init(b->p, OP_FIND, "%sargs[0]", part_at(b));
	s->str[0] = plan_str(b->p, program);
	s->str[1] = search ? plan_str(b->p, path && *path ? path : DEFAULT_PATH) : 0;
}

int plan_process_place(struct build *b)
{
	const struct process *pr = b->process;
	struct step *s;

	if (pr->args.n ? !*pr->args.v[0] : b->target != NULL)
		return err_at(b->e, ERR_CONFIG, part_text(b, "%sargs", part_at(b)),
			      "no program is given");
	/* First: its name is resolved from where init is, which is the root until now. */
	if (pr->args.n && !b->opts->program && !env_value(pr, "HOME"))
		plan_init(b->p, OP_HOME, NULL)->word[0] = pr->user.uid;
	if (pr->cwd && pr->cwd[strspn(pr->cwd, "/")]) {
		s = plan_init(b->p, OP_CWD, "%scwd", part_at(b));
		s->str[0] = plan_str(b->p, pr->cwd);
		s->word[0] = !b->target;
	}
	if (!b->target && b->spec->root->readonly && b->ns_new & CLONE_NEWNS)
		plan_init(b->p, OP_ROOT_READONLY, "root.readonly")->slot[0] = SLOT_ROOTFS;
	if (pr->args.n)
		find(b);
	return 0;
}

/* --- terminal and standard streams --- */

int plan_terminal(struct build *b)
{
	const struct process *pr = b->process;
	const char *socket = b->opts->console_socket;
	struct step *s;

	if (!pr->terminal && socket)
		return err_at(b->e, ERR_CONFIG, part_text(b, "%sterminal", part_at(b)),
			      "--console-socket is given, but no terminal is asked for");
	if (!pr->terminal)
		return 0;
	if (!socket && !b->opts->foreground)
		return err_at(
			b->e, ERR_CONFIG, part_text(b, "%sterminal", part_at(b)),
			"a terminal needs --console-socket, or `run` in the foreground");
	s = plan_init(b->p, OP_TTY, "%sterminal", part_at(b));
	s->slot[0] = socket ? SLOT_CONSOLE : SLOT_TALK;
	if (pr->console_size)
		s->word[0] = (uint64_t)(pr->console_size->height & 0xffff) << 16 |
			     (pr->console_size->width & 0xffff);
	s->word[1] = !b->target && b->ns_new & CLONE_NEWNS;
	s->word[2] = pr->user.uid;
	return 0;
}

/* Streams that skiff inherited as root are given to the user; those that are the user's already need nothing. */
static void streams(struct build *b)
{
	const struct process *pr = b->process;

	uint32_t id = pr->user.uid;

	if (pr->terminal || (plan_ns_host_id(b, &id) && id == b->host->euid))
		return;
	plan_init(b->p, OP_STDIO_OWNER, "%suser.uid", part_at(b))->word[0] = pr->user.uid;
}

/* --- surroundings --- */

static void keyring(struct build *b)
{
	struct step *s;

	if (b->opts->no_new_keyring || b->target)
		return;
	s = plan_init(b->p, OP_KEYRING, NULL);
	s->str[0] = plan_str(b->p, part_text(b, "_ses.%s", b->opts->id));
	s->policy = POL_WARN;
}

static void rlimits(struct build *b)
{
	const struct process *pr = b->process;

	for (size_t i = 0; i < pr->rlimits.n; i++) {
		const struct rlimit_spec *r = &pr->rlimits.v[i];
		struct step *s = plan_init(b->p, OP_RLIMIT, "%srlimits[%zu]", part_at(b),
					   i);

		s->word[0] = (uint64_t)r->type;
		s->word[1] = r->soft;
		s->word[2] = r->hard;
	}
}

/* struct sched_attr of sched_setattr(2). Every kernel takes the first 48 bytes; the
 * clamps, which came with 5.3, only matter to those who ask for them. */
enum { SCHED_ATTR_FIRST = 48, UTIL_CLAMP_FLAGS = 0x60, UTIL_MAX = 1024 };
struct sched_attr_v1 {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

static void scheduler(struct build *b)
{
	const struct scheduler *w = b->process->scheduler;
	/* The specification has no values for the clamps: the whole range. */
	struct sched_attr_v1 a = { .size = SCHED_ATTR_FIRST, .util_max = UTIL_MAX };
	uint32_t bytes;
	struct step *s;

	if (!w)
		return;
	a.policy = (uint32_t)w->policy;
	for (size_t i = 0; i < w->flags.n; i++)
		a.flags |= (uint64_t)w->flags.v[i];
	a.nice = (int32_t)w->nice.v;
	a.priority = (uint32_t)w->priority.v;
	a.runtime = w->runtime.v;
	a.deadline = w->deadline.v;
	a.period = w->period.v;
	if (a.flags & UTIL_CLAMP_FLAGS)
		a.size = sizeof(a);
	bytes = plan_bytes(b->p, &a, a.size);
	s = plan_init(b->p, OP_SCHEDULER, "%sscheduler", part_at(b));
	s->str[0] = bytes;
	s->word[0] = a.size;
	s->word[1] = a.policy;
}

static void ioprio(struct build *b)
{
	const struct io_priority *w = b->process->io_priority;

	if (w)
		plan_init(b->p, OP_IOPRIO, "%sioPriority", part_at(b))->word[0] =
			(uint64_t)w->class << 13 | (uint64_t)w->priority;
}

int part_set(const char *text, unsigned char *bits, size_t n_bits, size_t *ret_top)
{
	*ret_top = 0;
	while (*text) {
		uint64_t from = 0, to;
		size_t digits = strspn(text, "0123456789");

		for (size_t i = 0; i < digits && from < n_bits; i++)
			from = from * 10 + (uint64_t)(text[i] - '0');
		if (!digits)
			return -1;
		text += digits;
		to = from;
		if (*text == '-') {
			digits = strspn(++text, "0123456789");
			to = digits ? 0 : n_bits;
			for (size_t i = 0; i < digits && to < n_bits; i++)
				to = to * 10 + (uint64_t)(text[i] - '0');
			text += digits;
		}
		if (to >= n_bits || from > to)
			return -1;
		for (uint64_t k = from; k <= to; k++)
			bits[k / 8] |= (unsigned char)(1 << k % 8);
		*ret_top = to + 1 > *ret_top ? to + 1 : *ret_top;
		if (*text == ',')
			text++;
		else if (*text)
			return -1;
	}
	return *ret_top ? 0 : -1;
}

enum { SET_BITS = 8192 };

int plan_affinity(struct build *b, const char *key, const char *list)
{
	unsigned char bits[SET_BITS / 8] = { 0 };
	const char *origin = part_text(b, "%sexecCPUAffinity.%s", part_at(b), key);
	uint32_t bytes;
	struct step *s;
	size_t top;

	if (!list || !*list)
		return 0;
	if (part_set(list, bits, SET_BITS, &top))
		return err_at(b->e, ERR_CONFIG, origin, "\"%s\" is not a list of CPUs",
			      list);
	top = (top + 63) / 64 * 8;
	bytes = plan_bytes(b->p, bits, top);
	s = plan_init(b->p, OP_AFFINITY, "%s", origin);
	s->str[0] = bytes;
	s->word[0] = top;
	return 0;
}

static int memory_policy(struct build *b)
{
	const struct memory_policy *w = b->spec->linux_ ? b->spec->linux_->memory_policy
							: NULL;
	unsigned char bits[SET_BITS / 8] = { 0 };
	uint32_t bytes = 0;
	struct step *s;
	size_t top = 0;

	if (!w || b->target)
		return 0;
	if (w->nodes && *w->nodes) {
		if (part_set(w->nodes, bits, SET_BITS, &top))
			return err_at(b->e, ERR_CONFIG, "linux.memoryPolicy.nodes",
				      "\"%s\" is not a list of nodes", w->nodes);
		top = (top + 63) / 64 * 64;
		bytes = plan_bytes(b->p, bits, top / 8);
	}
	s = plan_init(b->p, OP_MEMPOLICY, "linux.memoryPolicy");
	s->word[0] = (uint64_t)w->mode;
	for (size_t i = 0; i < w->flags.n; i++)
		s->word[0] |= (uint64_t)w->flags.v[i];
	s->str[0] = bytes;
	s->word[1] = top;
	return 0;
}

static int surroundings(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;

	streams(b);
	keyring(b);
	if (l && l->personality)
		plan_init(b->p, OP_PERSONALITY, "linux.personality")->word[0] =
			(uint64_t)l->personality->domain;
	if (memory_policy(b))
		return -1;
	scheduler(b);
	ioprio(b);
	rlimits(b);
	return 0;
}

int plan_process_tail(struct build *b)
{
	if (surroundings(b))
		return -1;
	return plan_identity(b);
}

/* --- exec --- */

/* Descriptors of socket activation are the container's first process's. */
static uint32_t listen_fds(const struct build *b)
{
	return b->target ? 0 : b->host->listen_fds;
}

uint64_t part_kept_fds(const struct build *b)
{
	return (uint64_t)b->opts->preserve_fds + listen_fds(b);
}

/* The environment, with the sockets that the caller passes on (sd_listen_fds(3)): the payload is process 1. */
static size_t environment(struct build *b, const char ***ret)
{
	const struct process *pr = b->process;
	const struct host *h = b->host;
	const char **v = arena_array(b->p->arena, pr->env.n + 4, sizeof(*v));
	bool notify = plan_notify(b);
	size_t n = 0;

	for (size_t i = 0; i < pr->env.n; i++)
		if (!notify || strncmp(pr->env.v[i], "NOTIFY_SOCKET=", 14) != 0)
			v[n++] = pr->env.v[i];
	if (notify)
		v[n++] = plan_notify_variable();
	if (listen_fds(b)) {
		v[n++] = part_text(b, "LISTEN_FDS=%u", h->listen_fds);
		v[n++] = "LISTEN_PID=1";
		if (h->listen_fdnames)
			v[n++] = part_text(b, "LISTEN_FDNAMES=%s", h->listen_fdnames);
	}
	*ret = v;
	return n;
}

void plan_process_exec(struct build *b)
{
	const struct process *pr = b->process;
	const char **env;
	size_t n = environment(b, &env);
	uint32_t args = plan_list(b->p, (const char *const *)pr->args.v, pr->args.n);
	uint32_t vars = plan_list(b->p, env, n);
	struct step *s = plan_init(b->p, OP_EXEC, "%sargs", part_at(b));

	s->str[0] = args;
	s->str[1] = vars;
	s->word[0] = pr->args.n;
	s->word[1] = n;
	s->word[2] = part_kept_fds(b);
	/* Both lists end with NULL, and HOME may come. */
	b->p->n_scratch = (uint32_t)((pr->args.n + n + 3) * sizeof(char *));
}
