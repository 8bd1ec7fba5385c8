/*
 * Writing the filter program. For each architecture the space of numbers is cut into
 * ranges with the same answer, and a binary tree of comparisons leads to the range: some
 * ten instructions for any call, and few enough in all that the kernel's own work at
 * loading (checking, compiling, finding the calls that are always allowed) is short.
 *
 * Where several rules are about one call: a rule without conditions beats those with
 * conditions, and the first of them the later ones, as libseccomp has it and engines'
 * profiles need it (Podman's allows setns, and refuses it further down). Among conditions
 * that hold together the strictest answer counts, where libseccomp's depends on the shape
 * of its tree.
 */
#include <linux/audit.h>
#include <stddef.h>

#include "apply/seccomp.h"

#define X32_BIT 0x40000000u
#define NO_CALL 0xffffffffu /* what a tracer puts in place of a number to skip the call */

enum { LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, NEAR = 255 };
/* enum scmp_compare, whose header only seccomp_resolve.c needs. */
enum compare { NE = 1, LT, LE, EQ, GE, GT, MASKED_EQ };
/* Jump targets within a rule until it is complete; no real jump there is as far. */
enum { GO_ON = 0, HOLDS = 254, FAILS = 255 };

/* Without v it only counts. */
struct code {
	struct sock_filter *v;
	size_t n;
};

/* All numbers from `first` up to the next range's. n_calls = 0: always `action`. */
struct range {
	uint32_t first, action;
	const struct sc_table *table;
	const struct sc_call *calls;
	size_t n_calls;
};

struct ranges {
	const struct sc_profile *p;
	struct range *v;
	size_t n;
};

static void emit(struct code *c, uint16_t op, uint32_t k, size_t jt, size_t jf)
{
	if (c->v && c->n < SC_INSNS_MAX)
		c->v[c->n] = (struct sock_filter){ op, (uint8_t)jt, (uint8_t)jf, k };
	c->n++;
}

/* --- conditions --- */

static void emit_word(struct code *c, uint32_t arg, bool high)
{
	bool second = high == (bool)LITTLE;
	size_t offset = offsetof(struct seccomp_data, args) + arg * 8 + (second ? 4 : 0);

	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_masked(struct code *c, uint32_t arg, bool high, uint32_t mask,
			uint32_t value)
{
	emit_word(c, arg, high);
	emit(c, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, value & mask, GO_ON, FAILS);
}

/* Decides by the high word where it differs: where to go when the argument is below or
 * above. */
static void emit_high(struct code *c, const struct sc_arg *a, size_t below, size_t above)
{
	uint32_t high = (uint32_t)(a->value >> 32);

	emit_word(c, a->index, true);
	if (above != below)
		emit(c, BPF_JMP | BPF_JGT | BPF_K, high, above, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, high, GO_ON, below);
}

/* Leads to HOLDS or FAILS, or behind itself when it holds. */
static void emit_condition(struct code *c, const struct sc_arg *a, bool wide)
{
	static const struct {
		uint8_t below, above; /* by the high word */
		uint16_t jump;        /* by the low word */
		uint8_t jt, jf;
	} forms[] = {
		[NE] = { HOLDS, HOLDS, BPF_JEQ, FAILS, GO_ON },
		[LT] = { HOLDS, FAILS, BPF_JGE, FAILS, GO_ON },
		[LE] = { HOLDS, FAILS, BPF_JGT, FAILS, GO_ON },
		[EQ] = { FAILS, FAILS, BPF_JEQ, GO_ON, FAILS },
		[GE] = { FAILS, HOLDS, BPF_JGE, GO_ON, FAILS },
		[GT] = { FAILS, HOLDS, BPF_JGT, GO_ON, FAILS },
	};

	if (a->op == MASKED_EQ) {
		if (wide)
			emit_masked(c, a->index, true, (uint32_t)(a->value >> 32),
				    (uint32_t)(a->value_two >> 32));
		emit_masked(c, a->index, false, (uint32_t)a->value,
			    (uint32_t)a->value_two);
	} else if (a->op >= NE && a->op <= GT) {
		if (wide)
			emit_high(c, a, forms[a->op].below, forms[a->op].above);
		emit_word(c, a->index, false);
		emit(c, (uint16_t)(BPF_JMP | forms[a->op].jump | BPF_K),
		     (uint32_t)a->value, forms[a->op].jt, forms[a->op].jf);
	} else {
		/* Unknown to us: such a rule never holds. */
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, FAILS, FAILS);
	}
}

/* Lets the jumps to HOLDS or FAILS since `from` end here. */
static void settle(struct code *c, size_t from, size_t which)
{
	for (size_t i = from; c->v && i < c->n && i < SC_INSNS_MAX; i++) {
		if (BPF_CLASS(c->v[i].code) != BPF_JMP)
			continue;
		if (c->v[i].jt == which)
			c->v[i].jt = (uint8_t)(c->n - i - 1);
		if (c->v[i].jf == which)
			c->v[i].jf = (uint8_t)(c->n - i - 1);
	}
}

static void emit_call(struct code *c, const struct sc_profile *p,
		      const struct sc_call *call, bool wide)
{
	const struct sc_rule *rule = &p->rules[call->rule];
	size_t start = c->n;

	if (call->mux) {
		emit_word(c, 0, false);
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, call->mux, GO_ON, FAILS);
	}
	for (uint32_t i = 0; i < rule->n_args; i++) {
		const struct sc_arg *a = &p->args[rule->first_arg + i];
		size_t from = c->n;

		if (call->mux && a->index == 0)
			continue;
		emit_condition(c, a, wide);
		settle(c, from, HOLDS);
	}
	emit(c, BPF_RET | BPF_K, rule->action, 0, 0);
	settle(c, start, FAILS);
}

/* The calls of a range stand strictest first: the first that holds is the answer. */
static void emit_range(struct code *c, const struct sc_profile *p,
		       const struct range *range)
{
	for (size_t i = 0; i < range->n_calls; i++)
		emit_call(c, p, &range->calls[i], range->table->wide);
	emit(c, BPF_RET | BPF_K, range->action, 0, 0);
}

/* --- ranges --- */

static void add_range(struct ranges *r, struct range range)
{
	const struct range *last;

	/* The last one ended before it began. */
	if (r->n && r->v[r->n - 1].first == range.first)
		r->n--;
	last = r->n ? &r->v[r->n - 1] : NULL;
	if (last && !last->n_calls && !range.n_calls && last->action == range.action)
		return;
	r->v[r->n++] = range;
}

static void add_plain(struct ranges *r, uint32_t first, uint32_t action)
{
	add_range(r, (struct range){ .first = first, .action = action });
}

/* Puts a call among those of its number, behind all that are as strict. */
static void add_call(const struct sc_profile *p, struct sc_call *calls, size_t n,
		     const struct sc_call *call)
{
	uint32_t action = p->rules[call->rule].action;

	for (; n && sc_stricter(action, p->rules[calls[n - 1].rule].action); n--)
		calls[n] = calls[n - 1];
	calls[n] = *call;
}

/* What the rules t->v[from..to) for one number come to. calls: room for those with
 * conditions. */
static struct range judge(const struct sc_profile *p, const struct sc_table *t,
			  size_t from, size_t to, struct sc_call *calls)
{
	struct range range = { t->v[from].nr, p->head->default_action, t, calls, 0 };
	bool always = false;

	for (size_t i = from; i < to; i++) {
		const struct sc_rule *rule = &p->rules[t->v[i].rule];

		/* A rule that says what holds anyway is no rule. */
		if (rule->action == p->head->default_action)
			continue;
		if (rule->n_args || t->v[i].mux) {
			add_call(p, calls, range.n_calls++, &t->v[i]);
		} else if (!always) {
			range.action = rule->action;
			always = true;
		}
	}
	if (always)
		range.n_calls = 0;
	return range;
}

/* The numbers of one architecture from `low`; behind the newest come those the profile
 * cannot know. */
static void add_ranges(struct ranges *r, const struct sc_table *t, uint32_t low,
		       struct arena *arena)
{
	struct sc_call *calls = arena_array(arena, t->n + 1, sizeof(*calls));

	add_plain(r, low, r->p->head->default_action);
	for (size_t i = 0, next; i < t->n; i = next) {
		struct range range;

		for (next = i; next < t->n && t->v[next].nr == t->v[i].nr;)
			next++;
		range = judge(r->p, t, i, next, calls);
		calls += range.n_calls;
		add_range(r, range);
		add_plain(r, t->v[i].nr + 1, r->p->head->default_action);
	}
	if (t->any)
		add_plain(r, t->newest + 1, sc_newer(r->p));
}

/* --- tree and program --- */

static void emit_tree(struct code *c, const struct sc_profile *p, const struct range *v,
		      size_t n)
{
	struct code count = { 0 };

	if (n == 1) {
		emit_range(c, p, v);
		return;
	}
	emit_tree(&count, p, v, n / 2);
	if (count.n <= NEAR) {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, v[n / 2].first, count.n, 0);
	} else {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, v[n / 2].first, 0, 1);
		emit(c, BPF_JMP | BPF_JA, (uint32_t)count.n, 0, 0);
	}
	emit_tree(c, p, v, n / 2);
	emit_tree(c, p, v + n / 2, n - n / 2);
}

/* x86-64's and x32's calls reach the filter as one architecture, x32's with a bit in
 * the number. */
static void emit_arch(struct code *c, const struct sc_profile *p,
		      const struct sc_tables *t, const struct sc_table *table,
		      struct arena *arena)
{
	struct ranges r = { .p = p };
	const struct sc_table *x32 = NULL;
	struct code count = { 0 };

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].audit == table->audit && t->v[i].x32)
			x32 = &t->v[i];
	r.v = arena_array(arena, (table->n + (x32 ? x32->n : 0)) * 2 + 8, sizeof(*r.v));
	if (table->x32)
		add_plain(&r, 0, sc_unknown_arch());
	else
		add_ranges(&r, table, 0, arena);
	if (x32)
		add_ranges(&r, x32, X32_BIT, arena);
	else if (table->audit == AUDIT_ARCH_X86_64)
		add_plain(&r, X32_BIT, sc_unknown_arch());
	add_plain(&r, NO_CALL, p->head->default_action);

	emit_tree(&count, p, r.v, r.n);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, table->audit, 1, 0);
	emit(c, BPF_JMP | BPF_JA, (uint32_t)count.n + 1, 0, 0);
	emit(c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit_tree(c, p, r.v, r.n);
}

/* The first table of each AUDIT_ARCH stands for it. */
static bool is_first(const struct sc_tables *t, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (t->v[j].audit == t->v[i].audit)
			return false;
	return true;
}

int sc_emit(const struct sc_profile *p, const struct sc_tables *t, struct arena *arena,
	    struct sock_filter **ret, uint32_t *ret_n, struct err *e)
{
	struct code c = { .v = arena_array(arena, SC_INSNS_MAX, sizeof(*c.v)) };

	emit(&c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < t->n; i++)
		if (is_first(t, i))
			emit_arch(&c, p, t, &t->v[i], arena);
	emit(&c, BPF_RET | BPF_K, sc_unknown_arch(), 0, 0);
	if (c.n > SC_INSNS_MAX)
		return err_at(e, ERR_CONFIG, "linux.seccomp",
			      "the profile needs a filter of %zu instructions; the "
			      "kernel takes %d",
			      c.n, SC_INSNS_MAX);
	*ret = c.v;
	*ret_n = (uint32_t)c.n;
	return 0;
}
