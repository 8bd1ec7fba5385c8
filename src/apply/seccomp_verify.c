/*
 * Does the program say what the profile says? A filter that is weaker than its profile is
 * a hole that nobody notices, and compilers of filters have had such faults; so every new
 * program is run here, as the kernel would run it, for all numbers that the profile
 * names, their neighbours, and arguments around every limit, and its answers are compared
 * with those worked out rule by rule. Any difference is fatal. Nothing here shares code
 * with seccomp_emit.c.
 */
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>

#include "apply/seccomp.h"

#define X32_BIT 0x40000000u

enum { ARGS = 6, CANDIDATES = 14, MIXES = 32 };
enum compare { NE = 1, LT, LE, EQ, GE, GT, MASKED_EQ };

/* --- what the profile means --- */

static bool condition_holds(const struct sc_arg *a, uint64_t arg, bool wide)
{
	uint64_t cut = wide ? UINT64_MAX : UINT32_MAX, value = a->value & cut;

	arg &= cut;
	switch ((enum compare)a->op) {
	case NE:
		return arg != value;
	case LT:
		return arg < value;
	case LE:
		return arg <= value;
	case EQ:
		return arg == value;
	case GE:
		return arg >= value;
	case GT:
		return arg > value;
	case MASKED_EQ:
		return (arg & value) == (a->value_two & value);
	}
	return false;
}

static bool call_holds(const struct sc_profile *p, const struct sc_table *t,
		       const struct sc_call *c, const struct seccomp_data *d)
{
	const struct sc_rule *r = &p->rules[c->rule];

	if (c->mux && (uint32_t)d->args[0] != c->mux)
		return false;
	for (uint32_t i = 0; i < r->n_args; i++) {
		const struct sc_arg *a = &p->args[r->first_arg + i];

		if (!(c->mux && a->index == 0) &&
		    !condition_holds(a, d->args[a->index], t->wide))
			return false;
	}
	return true;
}

static const struct sc_table *find_table(const struct sc_tables *t,
					 const struct seccomp_data *d)
{
	bool x32 = d->arch == AUDIT_ARCH_X86_64 && (uint32_t)d->nr >= X32_BIT;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].audit == d->arch && t->v[i].x32 == x32)
			return &t->v[i];
	return NULL;
}

/* Index of the first call with this number, or of the next higher one. */
static size_t first_call(const struct sc_table *t, uint32_t nr)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->v[mid].nr < nr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool knows_arch(const struct sc_tables *t, uint32_t arch)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].audit == arch)
			return true;
	return false;
}

uint32_t sc_reference(const struct sc_profile *p, const struct sc_tables *t,
		      const struct seccomp_data *d)
{
	const struct sc_table *table = find_table(t, d);
	uint32_t nr = (uint32_t)d->nr, found[2] = { 0 };
	bool any[2] = { false };

	/* -1 is no call: a tracer took it back. */
	if (nr == UINT32_MAX && knows_arch(t, d->arch))
		return p->head->default_action;
	if (!table)
		return sc_unknown_arch();
	if (table->any && nr > table->newest)
		return sc_newer(p);
	for (size_t i = first_call(table, nr); i < table->n && table->v[i].nr == nr;
	     i++) {
		const struct sc_call *c = &table->v[i];
		const struct sc_rule *r = &p->rules[c->rule];
		int kind = r->n_args || c->mux ? 1 : 0;

		if (r->action == p->head->default_action || !call_holds(p, table, c, d))
			continue;
		/* Without conditions the first counts, else the strictest. */
		if (!any[kind] || (kind && sc_stricter(r->action, found[kind])))
			found[kind] = r->action;
		any[kind] = true;
	}
	return any[0] ? found[0] : any[1] ? found[1] : p->head->default_action;
}

/* --- what the program does --- */

static bool jump(const struct sock_filter *i, uint32_t a, uint32_t *pc)
{
	bool yes;

	switch (i->code) {
	case BPF_JMP | BPF_JA:
		*pc += i->k;
		return true;
	case BPF_JMP | BPF_JEQ | BPF_K:
		yes = a == i->k;
		break;
	case BPF_JMP | BPF_JGT | BPF_K:
		yes = a > i->k;
		break;
	case BPF_JMP | BPF_JGE | BPF_K:
		yes = a >= i->k;
		break;
	default:
		return false;
	}
	*pc += yes ? i->jt : i->jf;
	return true;
}

/* Jumps go forward only, so it ends. */
bool sc_run(const struct sock_filter *f, uint32_t n, const struct seccomp_data *d,
	    uint32_t *ret)
{
	uint32_t a = 0;

	for (uint32_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof(*d) - 4 || i->k % 4)
				return false;
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_RET | BPF_K:
			*ret = i->k;
			return true;
		default:
			if (!jump(i, a, &pc))
				return false;
		}
	}
	return false;
}

/* --- comparing --- */

struct check {
	const struct sc_profile *p;
	const struct sc_tables *t;
	const struct sock_filter *f;
	uint32_t n;
	struct err *e;
};

static const char *name_of(const struct check *c, const struct sc_table *t, uint32_t nr)
{
	size_t i = t ? first_call(t, nr) : 0;

	return t && i < t->n && t->v[i].nr == nr
		       ? c->p->names + c->p->rules[t->v[i].rule].name
		       : "an unnamed call";
}

static int compare(const struct check *c, const struct seccomp_data *d)
{
	uint32_t want = sc_reference(c->p, c->t, d), got = 0;
	bool valid = sc_run(c->f, c->n, d, &got);

	if (valid && got == want)
		return 0;
	return err_at(c->e, ERR_GENERAL, "linux.seccomp",
		      "the compiled filter is not what the profile says: %s (number %u, "
		      "arch %#x, arguments "
		      "%#llx %#llx %#llx) %s %#x instead of %#x; this is a fault of "
		      "skiff, please report it",
		      name_of(c, find_table(c->t, d), (uint32_t)d->nr), (uint32_t)d->nr,
		      d->arch, (unsigned long long)d->args[0],
		      (unsigned long long)d->args[1], (unsigned long long)d->args[2],
		      valid ? "answers" : "is no valid program, last", got, want);
}

/* A value with which the condition holds, if there is one. */
static uint64_t holding_value(const struct sc_arg *a)
{
	switch ((enum compare)a->op) {
	case NE:
	case GT:
		return a->value + 1;
	case LT:
		return a->value - 1;
	case MASKED_EQ:
		return a->value_two;
	case LE:
	case EQ:
	case GE:
		break;
	}
	return a->value;
}

/* Values around the limit of a condition, in both words. */
static void candidates(const struct sc_arg *a, uint64_t v[CANDIDATES])
{
	uint64_t x = a->op == MASKED_EQ ? a->value_two : a->value, mask = a->value;
	const uint64_t all[CANDIDATES] = {
		x,
		x + 1,
		x - 1,
		x ^ 1ull << 32,
		x ^ 1ull << 63,
		x + (1ull << 32),
		x - (1ull << 32),
		x ^ 1ull << 31,
		x & UINT32_MAX,
		x & ~(uint64_t)UINT32_MAX,
		0,
		UINT64_MAX,
		a->op == MASKED_EQ ? x | ~mask : ~x,
		a->op == MASKED_EQ ? x ^ (mask & -mask) : x << 1,
	};

	memcpy(v, all, sizeof(all));
}

static void fill(struct seccomp_data *d, const struct sc_table *t,
		 const uint64_t args[ARGS])
{
	/* Registers of 32-bit processes are extended with zeros. */
	for (int i = 0; i < ARGS; i++)
		d->args[i] = t->wide ? args[i] : (uint32_t)args[i];
}

/* One rule with conditions: all hold, and each in turn takes the values around its
 * limit. */
static int check_conditions(const struct check *c, const struct sc_table *t,
			    const struct sc_call *call)
{
	const struct sc_rule *r = &c->p->rules[call->rule];
	struct seccomp_data d = { .nr = (int)call->nr, .arch = t->audit };
	uint64_t base[ARGS] = { 0 }, args[ARGS], v[CANDIDATES];
	uint64_t seed = call->rule * 2654435761u + 1;

	for (uint32_t i = 0; i < r->n_args; i++)
		base[c->p->args[r->first_arg + i].index] = holding_value(
			&c->p->args[r->first_arg + i]);
	if (call->mux)
		base[0] = call->mux;
	for (uint32_t i = 0; i < r->n_args; i++) {
		const struct sc_arg *a = &c->p->args[r->first_arg + i];

		candidates(a, v);
		for (int j = 0; j < CANDIDATES; j++) {
			memcpy(args, base, sizeof(args));
			args[a->index] = v[j];
			fill(&d, t, args);
			if (compare(c, &d))
				return -1;
		}
	}
	for (int mix = 0; mix < MIXES; mix++) {
		memcpy(args, base, sizeof(args));
		for (uint32_t i = 0; i < r->n_args; i++) {
			candidates(&c->p->args[r->first_arg + i], v);
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			args[c->p->args[r->first_arg + i].index] =
				v[(seed >> 33) % CANDIDATES];
		}
		fill(&d, t, args);
		if (compare(c, &d))
			return -1;
	}
	return 0;
}

static int check_number(const struct check *c, uint32_t arch, uint32_t nr)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = arch };

	if (compare(c, &d))
		return -1;
	memset(d.args, 0xff, sizeof(d.args));
	return compare(c, &d);
}

static int check_table(const struct check *c, const struct sc_table *t)
{
	static const uint32_t always[] = { 0,          1,           X32_BIT - 1,
					   X32_BIT,    X32_BIT + 1, 0x7fffffff,
					   0x80000000, 0xfffffffe,  0xffffffff };

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (check_number(c, t->audit, always[i]))
			return -1;
	for (size_t i = 0; i < t->n; i++) {
		const struct sc_call *call = &t->v[i];

		if (check_number(c, t->audit, call->nr) ||
		    check_number(c, t->audit, call->nr + 1) ||
		    check_number(c, t->audit, call->nr - 1))
			return -1;
		if (check_conditions(c, t, call))
			return -1;
	}
	return 0;
}

int sc_verify(const struct sc_profile *p, const struct sc_tables *t,
	      const struct sock_filter *f, uint32_t n, struct err *e)
{
	const struct check c = { p, t, f, n, e };

	for (size_t i = 0; i < t->n; i++)
		if (check_table(&c, &t->v[i]))
			return -1;
	/* Architectures that no profile names. */
	return check_number(&c, 0, 0) || check_number(&c, 0xffffffff, 1) ? -1 : 0;
}
