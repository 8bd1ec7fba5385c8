/* Rules of the process: ids, limits, scheduling, environment. Also used for the process
 * file of `exec`. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "spec/check.h"

/* The kernel's "no change" and "nobody": never an id. */
#define NO_ID UINT32_MAX

struct part {
	struct check *c;
	const struct process *p;
	const char *dot; /* "process." or "" */
};

#define AT(t, fmt, ...) check_at((t)->c, "%s" fmt, (t)->dot, ##__VA_ARGS__)

static void check_user(const struct part *t)
{
	const struct user *u = &t->p->user;

	if (u->uid == NO_ID)
		check_fault(t->c, AT(t, "user.uid"),
			    "4294967295 is not a user id (the kernel reads it as -1)");
	if (u->gid == NO_ID)
		check_fault(t->c, AT(t, "user.gid"),
			    "4294967295 is not a group id (the kernel reads it as -1)");
	for (size_t i = 0; i < u->additional_gids.n; i++)
		if (u->additional_gids.v[i] == NO_ID)
			check_fault(t->c, AT(t, "user.additionalGids[%zu]", i),
				    "4294967295 is not a group id (the kernel reads it "
				    "as -1)");
	if (u->username)
		check_warn(t->c, AT(t, "user.username"),
			   "has no effect on Linux: use uid and gid");
	if (t->p->command_line)
		check_warn(t->c, AT(t, "commandLine"),
			   "has no effect on Linux: use args");
}

static void check_command(const struct part *t)
{
	const struct process *p = t->p;

	/* The container of config.json can be created without one; the plan of `run` asks for it. */
	if (!p->args.n && !*t->dot)
		check_fault(t->c, AT(t, "args"), "missing: name the program to run");
	else if (p->args.n && !*p->args.v[0])
		check_fault(t->c, AT(t, "args[0]"),
			    "must not be empty: name the program to run");
	if (p->cwd && check_has_control(p->cwd))
		check_fault(t->c, AT(t, "cwd"), "contains control characters");
	for (size_t i = 0; i < p->env.n; i++)
		if (!strchr(p->env.v[i], '=') || p->env.v[i][0] == '=')
			check_warn(t->c, AT(t, "env[%zu]", i),
				   "not of the form NAME=value");
}

static void check_terminal(const struct part *t)
{
	const struct box *size = t->p->console_size;

	if (!size)
		return;
	if (!t->p->terminal)
		check_warn(t->c, AT(t, "consoleSize"),
			   "has no effect without \"terminal\": true");
	if (size->height > UINT16_MAX || size->width > UINT16_MAX)
		check_fault(t->c, AT(t, "consoleSize"), "more than %d rows or columns",
			    UINT16_MAX);
}

static void check_rlimits(const struct part *t)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < t->p->rlimits.n; i++) {
		const struct rlimit_spec *r = &t->p->rlimits.v[i];
		const char *name = names_text(rlimit_names, r->type);

		if (seen >> r->type & 1)
			check_fault(t->c, AT(t, "rlimits[%zu].type", i),
				    "%s is given twice: keep one", name);
		seen |= 1ull << r->type;
		if (r->soft > r->hard)
			check_fault(t->c, AT(t, "rlimits[%zu].soft", i),
				    "above the hard limit: lower soft or raise hard");
	}
}

static bool is_subset(const caps *part, const caps *whole)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < whole->n; i++)
		bits |= 1ull << whole->v[i];
	for (size_t i = 0; i < part->n; i++)
		if (!(bits >> part->v[i] & 1))
			return false;
	return true;
}

/* The kernel's rules; the plan leaves out what it would refuse, so these are warnings. */
static void check_capabilities(const struct part *t)
{
	const struct capabilities *k = t->p->capabilities;

	if (!k)
		return;
	if (!is_subset(&k->effective, &k->permitted))
		check_warn(
			t->c, AT(t, "capabilities.effective"),
			"has words that are not in permitted: they cannot take effect");
	if (!is_subset(&k->ambient, &k->permitted) ||
	    !is_subset(&k->ambient, &k->inheritable))
		check_warn(t->c, AT(t, "capabilities.ambient"),
			   "has words that are not in both permitted and inheritable: "
			   "they cannot take effect");
	if (!is_subset(&k->permitted, &k->bounding))
		check_warn(t->c, AT(t, "capabilities.permitted"),
			   "has words that are not in bounding: they are lost at execve "
			   "of a program "
			   "with file capabilities");
}

static void check_nice(const struct part *t, const struct scheduler *s)
{
	bool fair = s->policy == SCHED_OTHER || s->policy == SCHED_BATCH;
	bool realtime = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (s->nice.set && s->nice.v && !fair)
		check_fault(t->c, AT(t, "scheduler.nice"),
			    "only SCHED_OTHER and SCHED_BATCH have a nice value: leave "
			    "it out");
	if (s->nice.set && (s->nice.v < -20 || s->nice.v > 19))
		check_fault(t->c, AT(t, "scheduler.nice"), "out of range (-20 to 19)");
	if (s->priority.set && s->priority.v && !realtime)
		check_fault(t->c, AT(t, "scheduler.priority"),
			    "only SCHED_FIFO and SCHED_RR have a priority: leave it out");
	if (realtime && (!s->priority.set || s->priority.v < 1 || s->priority.v > 99))
		check_fault(t->c, AT(t, "scheduler.priority"),
			    "%s needs a priority from 1 to 99",
			    names_text(sched_policy_names, s->policy));
}

static void check_deadline(const struct part *t, const struct scheduler *s)
{
	uint64_t deadline = s->deadline.v, period = s->period.v ? s->period.v : deadline;

	if (s->policy != 6 && (s->runtime.v || s->deadline.v || s->period.v)) {
		check_fault(t->c, AT(t, "scheduler"),
			    "runtime, deadline and period belong to SCHED_DEADLINE: "
			    "leave them out");
	} else if (s->policy == 6) {
		if (s->runtime.v < 1024)
			check_fault(t->c, AT(t, "scheduler.runtime"),
				    "SCHED_DEADLINE needs at least 1024 nanoseconds");
		if (s->runtime.v > deadline || deadline > period)
			check_fault(t->c, AT(t, "scheduler.deadline"),
				    "SCHED_DEADLINE needs runtime <= deadline <= period");
	}
}

static void check_scheduler(const struct part *t)
{
	const struct scheduler *s = t->p->scheduler;

	if (!s)
		return;
	if (s->policy == 4)
		check_fault(t->c, AT(t, "scheduler.policy"),
			    "no kernel has SCHED_ISO: choose another policy");
	check_nice(t, s);
	check_deadline(t, s);
}

static void check_io(const struct part *t)
{
	const struct io_priority *io = t->p->io_priority;
	const struct cpu_affinity *a = t->p->exec_cpu_affinity;

	if (io && (io->priority < 0 || io->priority > 7))
		check_fault(t->c, AT(t, "ioPriority.priority"), "out of range (0 to 7)");
	if (io && io->class == 3 && io->priority)
		check_warn(t->c, AT(t, "ioPriority.priority"),
			   "has no effect in IOPRIO_CLASS_IDLE");
	if (a && a->initial && !check_is_list(a->initial))
		check_fault(t->c, AT(t, "execCPUAffinity.initial"),
			    "not a list of CPUs such as 0-3,7");
	if (a && a->final && !check_is_list(a->final))
		check_fault(t->c, AT(t, "execCPUAffinity.final"),
			    "not a list of CPUs such as 0-3,7");
}

void check_process(struct check *c, const struct process *p, const char *prefix)
{
	struct part t = { .c = c, .p = p, .dot = *prefix ? "process." : "" };

	check_user(&t);
	check_command(&t);
	check_terminal(&t);
	check_rlimits(&t);
	check_capabilities(&t);
	check_scheduler(&t);
	check_io(&t);
}
