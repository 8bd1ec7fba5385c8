/*
 * The seccomp profile of a configuration in its canonical form: names and actions as they
 * will count, without pointers, the same bytes for the same profile. config-linux:
 * "Seccomp". Turning it into a program is src/apply/seccomp*.c's business, because the
 * numbers of system calls are the host's.
 *
 * Several conditions on one argument of one rule mean "or", as engines have come to rely
 * on; conditions on different arguments mean "and".
 */
#include "plan/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

enum { RULES_MAX = 8192, ARGS_MAX = 6, NAME_LEN_MAX = 64, ERRNO_MAX = 4095 };

struct canon {
	struct buf rules, args, names;
	uint32_t n_rules, n_args;
	struct err *e;
};

static int action_value(int action, const struct opt_u64 *errno_ret, const char *origin,
			uint32_t *ret, struct err *e)
{
	uint64_t data = 0;

	if (action == SC_ERRNO || action == SC_TRACE)
		data = errno_ret->set ? errno_ret->v : action == SC_ERRNO ? EPERM : 0;
	else if (errno_ret->set && errno_ret->v)
		return err_at(
			e, ERR_CONFIG, origin,
			"errnoRet goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only");
	if (data > (action == SC_ERRNO ? ERRNO_MAX : SECCOMP_RET_DATA))
		return err_at(e, ERR_CONFIG, origin, "errnoRet %llu is out of range",
			      (unsigned long long)data);
	*ret = sc_action_values[action] | (uint32_t)data;
	return 0;
}

static int add_arg(struct canon *c, const struct seccomp_arg *a, const char *origin)
{
	const struct sc_arg arg = { a->index, (uint32_t)a->op, a->value, a->value_two };

	if (a->index >= ARGS_MAX)
		return err_at(c->e, ERR_CONFIG, origin,
			      "system calls have the arguments 0 to 5, not %u", a->index);
	buf_add(&c->args, &arg, sizeof(arg));
	c->n_args++;
	return 0;
}

static int add_rule(struct canon *c, const char *name, uint32_t action,
		    uint32_t first_arg, uint32_t n_args)
{
	const struct sc_rule rule = { (uint32_t)c->names.len, action, first_arg, n_args };
	size_t len = strlen(name);

	if (len > NAME_LEN_MAX)
		return err_at(c->e, ERR_CONFIG, "linux.seccomp.syscalls",
			      "system call name longer than %d bytes", NAME_LEN_MAX);
	if (c->n_rules == RULES_MAX)
		return err_at(
			c->e, ERR_CONFIG, "linux.seccomp.syscalls",
			"more than %d rules (a name in a list of names counts as one)",
			RULES_MAX);
	buf_add(&c->rules, &rule, sizeof(rule));
	buf_add(&c->names, name, len + 1);
	c->n_rules++;
	return 0;
}

static bool repeats_an_argument(const struct seccomp_rule *r)
{
	unsigned seen = 0;

	for (size_t i = 0; i < r->args.n; i++) {
		if (r->args.v[i].index < ARGS_MAX && (seen & 1u << r->args.v[i].index))
			return true;
		if (r->args.v[i].index < ARGS_MAX)
			seen |= 1u << r->args.v[i].index;
	}
	return false;
}

static int add_syscalls(struct canon *c, const struct seccomp_rule *r, size_t i)
{
	const char *origin = arena_printf(c->rules.arena, "linux.seccomp.syscalls[%zu]",
					  i);
	uint32_t first = c->n_args, action;
	bool apart = repeats_an_argument(r);
	size_t parts = apart ? r->args.n : 1;

	if (action_value(r->action, &r->errno_ret, origin, &action, c->e))
		return -1;
	for (size_t a = 0; a < r->args.n; a++)
		if (add_arg(c, &r->args.v[a], origin))
			return -1;
	for (size_t n = 0; n < r->names.n; n++)
		for (size_t part = 0; part < parts; part++)
			if (add_rule(c, r->names.v[n], action,
				     first + (uint32_t)(apart ? part : 0),
				     apart ? 1 : (uint32_t)r->args.n))
				return -1;
	return 0;
}

/* Architectures come first in names: n_archs strings, one behind the other. */
static void add_archs(struct canon *c, const struct seccomp *s)
{
	for (size_t i = 0; i < s->architectures.n; i++)
		buf_add(&c->names, s->architectures.v[i],
			strlen(s->architectures.v[i]) + 1);
}

int seccomp_canonical(const struct seccomp *s, struct buf *ret, struct err *e)
{
	struct sc_head head = { .version = 1 };
	struct canon c = { .e = e };

	buf_init(&c.rules, ret->arena, RULES_MAX * sizeof(struct sc_rule));
	buf_init(&c.args, ret->arena, RULES_MAX * ARGS_MAX * sizeof(struct sc_arg));
	buf_init(&c.names, ret->arena, (RULES_MAX + 64) * (NAME_LEN_MAX + 1));
	if (s->default_action == SC_NOTIFY)
		return err_at(e, ERR_CONFIG, "linux.seccomp.defaultAction",
			      "SCMP_ACT_NOTIFY cannot be the default action");
	if (action_value(s->default_action, &s->default_errno_ret,
			 "linux.seccomp.defaultErrnoRet", &head.default_action, e))
		return -1;
	for (size_t i = 0; i < s->flags.n; i++)
		head.flags |= (uint32_t)s->flags.v[i];
	add_archs(&c, s);
	for (size_t i = 0; i < s->syscalls.n; i++)
		if (add_syscalls(&c, &s->syscalls.v[i], i))
			return -1;
	if (c.args.full || c.names.full)
		return err_at(e, ERR_CONFIG, "linux.seccomp", "the profile is too large");
	head.n_archs = (uint32_t)s->architectures.n;
	head.n_rules = c.n_rules;
	head.n_args = c.n_args;
	/* Padded, so that nothing behind it is unaligned. */
	buf_add(&c.names, "\0\0\0\0\0\0\0", 7 - (c.names.len + 7) % 8);
	head.names_size = (uint32_t)c.names.len;
	buf_add(ret, &head, sizeof(head));
	buf_add(ret, "\0\0\0", 4);
	buf_add(ret, c.args.p, c.args.len);
	buf_add(ret, c.rules.p, c.rules.len);
	buf_add(ret, c.names.p, c.names.len);
	return ret->full ? err_at(e, ERR_CONFIG, "linux.seccomp",
				  "the profile is too large")
			 : 0;
}

void seccomp_known_only(struct buf *canonical)
{
	((struct sc_head *)(void *)canonical->p)->flags |= SC_KNOWN_ONLY;
}
