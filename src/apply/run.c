/*
 * Walks the HOST steps of a plan. Whatever fails, everything that was made by then is
 * removed again: the caller has either a container or nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

int slot_of(const struct apply *a, int slot)
{
	return slot >= 0 && slot < a->plan->n_slots ? a->slots[slot] : -1;
}

void slot_set(struct apply *a, int slot, int fd)
{
	if (slot < 0 || slot >= a->plan->n_slots)
		return;
	fd_close(&a->slots[slot]);
	a->slots[slot] = fd;
}

void apply_init(struct apply *a, const struct plan *plan, struct arena *arena)
{
	*a = (struct apply){
		.plan = plan,
		.arena = arena,
		.stdio = { -1, -1, -1 },
		.pid = -1,
		.payload = -1,
		.listener = -1,
		.payload_pidfd = -1,
		.bpf_prog = -1,
		.bpf_before = -1,
	};
	a->slots = arena_array(arena, (size_t)plan->n_slots, sizeof(*a->slots));
	a->made = arena_array(arena, plan->host.n + 1, sizeof(*a->made));
	a->before = arena_array(arena, plan->host.n + 1, sizeof(*a->before));
	for (int i = 0; i < plan->n_slots; i++)
		a->slots[i] = -1;
}

int apply_stdio(struct apply *a, const int *fds, struct err *e)
{
	for (int i = 0; fds && i < 3; i++) {
		/* Above those that they become: no move may hit the source of a later one. */
		a->stdio[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (a->stdio[i] < 0)
			return err_sys(e, errno, "descriptor %d for the process's %d",
				       fds[i], i);
	}
	return 0;
}

void apply_done(struct apply *a)
{
	size_t room = (size_t)a->plan->n_slots + 7;
	int *fds = arena_array(a->arena, room, sizeof(*fds)), *next = fds;
	int *others[] = { &a->stdio[0], &a->stdio[1],   &a->stdio[2], &a->payload_pidfd,
			  &a->bpf_prog, &a->bpf_before, &a->listener };

	for (int i = 0; i < a->plan->n_slots; i++)
		*next++ = fd_take(&a->slots[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		*next++ = fd_take(others[i]);
	fd_close_all(fds, room);
	if (a->page)
		munmap(a->page, a->page_size);
	a->page = NULL;
}

/* What an error is not told by whoever found it: which step, and what asks for it. */
static void name_step(const struct apply *a, const struct step *s, struct err *e)
{
	if (!e->step[0])
		strncpy(e->step, op_info((enum op)s->op)->name, sizeof(e->step) - 1);
	if (s->origin)
		err_origin(e, text_of(a, s->origin));
}

static bool is_excused(const struct step *s, const struct err *e)
{
	/* What belongs to somebody else (a cgroup with processes, a taken id) is never passed over: it would be
	 * recorded as ours, and be killed as ours. */
	if (e->code == ERR_STATE)
		return false;
	/* POL_ALT is cgroup.write's alone here: the kernel lacks the one file and has
	 * the other. */
	return s->policy == POL_WARN ||
	       ((s->policy == POL_SKIP_ENOENT || s->policy == POL_ALT) &&
		e->errnum == ENOENT);
}

/* 0; 1 = it failed and may; -1. */
static int run_step(struct apply *a, size_t i, struct err *e)
{
	const struct step *s = &a->plan->host.v[i];
	host_op *op = host_op_of((enum op)s->op);
	int r;

	*e = (struct err){ 0 };
	if (a->trace)
		trace_stamp(a->trace, i, false);
	if (op)
		r = op(a, s, e);
	else
		r = err_set(e, ERR_SYSTEM, "%s is no step of the host side",
			    op_info((enum op)s->op)->name);
	if (a->trace)
		trace_stamp(a->trace, i, true);
	if (r < 0 && !is_excused(s, e)) {
		/* An init that failed first is the cause of what failed here. */
		if (!a->init_failed)
			name_step(a, s, e);
		talk_prefer_init(a, e);
		return -1;
	}
	return r < 0;
}

/* Without a stop in "created" the end of a plan is the running program. */
static bool waits_for_start(const struct plan *p)
{
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].op == OP_WAIT && p->init.v[i].flags & STEP_ACCEPT)
			return true;
	return false;
}

/* A step of the plan has waited for that end already; what criu restores executes nothing. */
static bool waits_for_exec(const struct plan *p)
{
	for (size_t i = 0; i < p->host.n; i++)
		if ((p->host.v[i].op == OP_WAIT && p->host.v[i].word[0] == SYNC_EXEC) ||
		    p->host.v[i].op == OP_CRIU_RESUME)
			return true;
	return false;
}

/* The step after which nothing keeps init from executing the program. */
static size_t last_hold(const struct plan *p)
{
	size_t i = p->host.n;

	while (i-- > 0)
		if (p->host.v[i].op == OP_SPAWN || p->host.v[i].op == OP_TELL ||
		    p->host.v[i].op == OP_CRIU_RESUME)
			return i;
	return p->host.n;
}

static int run(struct apply *a, struct err *e)
{
	size_t hold = last_hold(a->plan);

	for (size_t i = 0; i < a->plan->host.n; i++) {
		int r;

		if (i == hold && a->calls && a->calls->lets_go)
			a->calls->lets_go(a);
		r = run_step(a, i, e);
		if (r < 0)
			return -1;
		if (!r && a->plan->host.v[i].policy == POL_ALT)
			i++;
	}
	if (a->pid < 0 || waits_for_start(a->plan) || waits_for_exec(a->plan))
		return 0;
	return talk_until_exec(a, e);
}

int apply_run(struct apply *a, struct err *e)
{
	int r;

	if (a->trace)
		trace_start(a->trace, a->plan->host.n);
	r = run(a, e);
	if (r < 0)
		undo(a, e);
	return r;
}
