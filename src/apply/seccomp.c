/*
 * The compiled filter of a seccomp profile: from the cache, or made now. OP_SECCOMP_LOAD.
 *
 * Programs are written here and not by libseccomp, which serves as the table of system
 * call numbers only. No filter context of it is ever created, so its known faults cannot
 * touch us: GHSA-4q85-33p6-j5g6 (up to 2.6.0: two 64-bit comparisons merged wrongly,
 * which weakens a filter), GHSA-46fr-jh49-xvhx and GHSA-2hqh-5c36-grrm (up to 2.6.0:
 * double free and heap corruption by oversized filters); Debian 12 has 2.5.4. A newer
 * library is still worth having: names it does not know are skipped, as in other
 * runtimes, and it knows more. The other reasons are time (an engine's profile takes
 * libseccomp 18 to 28 ms, and some thirty rules about overlapping arguments kept 2.5.4
 * busy for longer than anybody waits) and size (merged ranges in a tree).
 *
 * Our own program is not trusted either: seccomp_verify.c compares its answers with the
 * profile before it is used or stored.
 */
#include "apply/seccomp.h"

#include "apply/apply.h"
#include "base/fd.h"

static int compile(const char *profile, size_t n, struct arena *arena,
		   struct sock_filter **ret, uint32_t *ret_n, struct err *e)
{
	struct sc_tables *tables = arena_new(arena, struct sc_tables);
	struct sc_profile p;

	if (sc_parse(profile, n, arena, &p, e) || sc_resolve(&p, arena, tables, e) ||
	    sc_emit(&p, tables, arena, ret, ret_n, e))
		return -1;
	return sc_verify(&p, tables, *ret, *ret_n, e);
}

int seccomp_filter(const char *profile, size_t n, const char *cache_dir,
		   struct arena *arena, const void **ret_filter, uint32_t *ret_n,
		   struct err *e)
{
	auto_fd dir = cache_dir ? sc_cache_open(cache_dir) : -1;
	struct sock_filter *filter;
	uint32_t n_filter = 0;

	if (dir >= 0) {
		sc_cache_find(dir, profile, n, arena, ret_filter, &n_filter);
		if (n_filter) {
			*ret_n = n_filter;
			return 0;
		}
	}
	if (compile(profile, n, arena, &filter, &n_filter, e))
		return -1;
	if (dir >= 0)
		sc_cache_store(dir, profile, n, filter, n_filter, arena);
	*ret_filter = filter;
	*ret_n = n_filter;
	return 0;
}
