/*
 * From the names of a profile to numbers, for each of its architectures. libseccomp has
 * the tables; names it does not know, and calls an architecture lacks, are left out, as
 * in other runtimes.
 *
 * On 32-bit x86, s390, PowerPC and others some calls also exist behind a multiplexer
 * (socketcall, ipc). libseccomp gives such names numbers from -101 (socket) and -201
 * (semop) downwards; a rule for one of them counts for the direct call and for the
 * multiplexer with that selector in its first argument. A condition on the first argument
 * cannot be told there and is dropped.
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "apply/seccomp.h"

enum {
	PSEUDO_SOCKET = -100,
	PSEUDO_IPC = -200,
	PSEUDO_RANGE = 30,
	NUMBERS_SCANNED = 512
};

int sc_parse(const char *profile, size_t n, struct arena *arena, struct sc_profile *ret,
	     struct err *e)
{
	/* A copy is aligned, and ends with a NUL whatever n is. */
	const char *p = arena_strndup(arena, profile, n);
	const struct sc_head *head = (const struct sc_head *)p;
	uint64_t size;

	if (n < sizeof(*head) + 4 || head->version != 1)
		return err_set(e, ERR_GENERAL, "seccomp profile: not in canonical form");
	size = sizeof(*head) + 4 + (uint64_t)head->n_args * sizeof(struct sc_arg) +
	       (uint64_t)head->n_rules * sizeof(struct sc_rule) + head->names_size;
	if (size != n)
		return err_set(e, ERR_GENERAL, "seccomp profile: wrong size");
	ret->head = head;
	ret->args = (const struct sc_arg *)(p + sizeof(*head) + 4);
	ret->rules = (const struct sc_rule *)(ret->args + head->n_args);
	ret->names = (const char *)(ret->rules + head->n_rules);
	for (uint32_t i = 0; i < head->n_rules; i++) {
		const struct sc_rule *r = &ret->rules[i];

		if (r->name >= head->names_size || r->first_arg > head->n_args ||
		    r->n_args > head->n_args - r->first_arg || r->n_args > 6)
			return err_set(e, ERR_GENERAL,
				       "seccomp profile: rule %u is broken", i);
	}
	return 0;
}

/* --- architectures --- */

static bool same_endian(uint32_t token)
{
	bool little = token & __AUDIT_ARCH_LE;

	return little == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

static void add_table(struct sc_tables *t, uint32_t token)
{
	struct sc_table *added = &t->v[t->n];

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].token == token)
			return;
	/* No process of the other byte order can exist here. */
	if (!same_endian(token) || t->n == SC_TABLES_MAX)
		return;
	*added = (struct sc_table){ .token = token, .audit = token };
	added->x32 = token == SCMP_ARCH_X32;
	if (added->x32)
		added->audit = AUDIT_ARCH_X86_64;
	/* x32 processes run in 64-bit mode: their registers arrive whole. */
	added->wide = added->x32 || (token & __AUDIT_ARCH_64BIT);
	t->n++;
}

/* "SCMP_ARCH_X86_64" -> "x86_64", the form that libseccomp reads. */
static bool short_name(const char *name, char *ret, size_t size)
{
	static const char prefix[] = "SCMP_ARCH_";
	size_t n = strlen(name), skip = sizeof(prefix) - 1;

	if (n <= skip || n - skip >= size || memcmp(name, prefix, skip) != 0)
		return false;
	for (size_t i = skip; i <= n; i++)
		ret[i - skip] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32)
								 : name[i];
	return true;
}

static int find_archs(const struct sc_profile *p, struct sc_tables *t, struct err *e)
{
	const char *name = p->names;
	char lower[32];

	add_table(t, seccomp_arch_native());
	for (uint32_t i = 0; i < p->head->n_archs; i++, name += strlen(name) + 1) {
		if (!short_name(name, lower, sizeof(lower)))
			return err_at(e, ERR_CONFIG, "linux.seccomp.architectures",
				      "unknown architecture \"%s\"", name);
		uint32_t token = seccomp_arch_resolve_name(lower);

		/* Unknown: newer than this libseccomp. Its calls end the process,
		 * which is safe. */
		if (token)
			add_table(t, token);
	}
	return 0;
}

/* --- numbers --- */

/* The direct numbers of the multiplexed calls of one architecture, by selector; -1 =
 * none. */
struct direct {
	bool known;
	int socket[PSEUDO_RANGE], ipc[PSEUDO_RANGE];
	int socketcall, ipc_call;
};

static bool is_pseudo(int nr, int base)
{
	return nr < base && nr > base - PSEUDO_RANGE;
}

static void find_direct(uint32_t token, struct direct *d)
{
	memset(d, -1, sizeof(*d));
	d->known = true;
	d->socketcall = seccomp_syscall_resolve_name_arch(token, "socketcall");
	d->ipc_call = seccomp_syscall_resolve_name_arch(token, "ipc");
	for (int nr = 0; nr < NUMBERS_SCANNED; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(token, nr);
		int pseudo = name ? seccomp_syscall_resolve_name_arch(token, name) : 0;

		free(name);
		if (is_pseudo(pseudo, PSEUDO_SOCKET))
			d->socket[PSEUDO_SOCKET - pseudo] = nr;
		else if (is_pseudo(pseudo, PSEUDO_IPC))
			d->ipc[PSEUDO_IPC - pseudo] = nr;
	}
}

static void add_call(struct sc_table *t, int nr, uint32_t rule, int mux)
{
	if (nr < 0)
		return;
	t->v[t->n++] = (struct sc_call){ (uint32_t)nr, rule, (uint32_t)mux };
	if (!t->any || (uint32_t)nr > t->newest)
		t->newest = (uint32_t)nr;
	t->any = true;
}

static void resolve_rule(struct sc_table *t, const char *name, uint32_t rule,
			 struct direct *d)
{
	int nr = seccomp_syscall_resolve_name_arch((uint32_t)t->token, name);
	bool socket = is_pseudo(nr, PSEUDO_SOCKET), ipc = is_pseudo(nr, PSEUDO_IPC);
	int mux;

	if (!socket && !ipc) {
		add_call(t, nr, rule, 0);
		return;
	}
	if (!d->known)
		find_direct(t->token, d);
	mux = (socket ? PSEUDO_SOCKET : PSEUDO_IPC) - nr;
	add_call(t, socket ? d->socket[mux] : d->ipc[mux], rule, 0);
	add_call(t, socket ? d->socketcall : d->ipc_call, rule, mux);
}

static int by_number(const void *a, const void *b)
{
	const struct sc_call *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* Unknown to libseccomp: misspelt, or newer than it. */
static int refuse_unknown(const struct sc_profile *p, struct err *e)
{
	for (uint32_t r = 0; r < p->head->n_rules; r++) {
		const char *name = p->names + p->rules[r].name;

		if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
			return err_at(e, ERR_CONFIG, "linux.seccomp.syscalls",
				      "unknown system call \"%s\", and the annotation "
				      "run.oci.seccomp_fail_unknown_syscall is set",
				      name);
	}
	return 0;
}

int sc_resolve(const struct sc_profile *p, struct arena *arena, struct sc_tables *ret,
	       struct err *e)
{
	ret->n = 0;
	if (find_archs(p, ret, e))
		return -1;
	if (p->head->flags & SC_KNOWN_ONLY && refuse_unknown(p, e))
		return -1;
	for (size_t i = 0; i < ret->n; i++) {
		struct sc_table *t = &ret->v[i];
		struct direct d = { 0 };

		t->v = arena_array(arena, (size_t)p->head->n_rules * 2 + 1,
				   sizeof(*t->v));
		for (uint32_t r = 0; r < p->head->n_rules; r++)
			resolve_rule(t, p->names + p->rules[r].name, r, &d);
		qsort(t->v, t->n, sizeof(*t->v), by_number);
	}
	return 0;
}

/* --- what does not depend on the call --- */

uint32_t sc_unknown_arch(void)
{
	return SECCOMP_RET_KILL_PROCESS;
}

bool sc_stricter(uint32_t a, uint32_t b)
{
	return (int32_t)a < (int32_t)b;
}

/*
 * A call that is newer than the profile was not judged by its author. "Not permitted"
 * makes C libraries give up where "not implemented" makes them take the older call: so
 * ENOSYS, unless the default lets calls happen.
 */
uint32_t sc_newer(const struct sc_profile *p)
{
	uint32_t action = p->head->default_action;

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return action;
	default:
		return SECCOMP_RET_ERRNO | ENOSYS;
	}
}
