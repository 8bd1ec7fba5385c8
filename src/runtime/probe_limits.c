/*
 * What a live container's cgroups say now, as far as new limits depend on it: facts for
 * plan_build_update. Only the files of what changes are read; one that the kernel does not
 * have stays unset.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "runtime/container.h"

enum { LIST_MAX = 1 << 20 };

/* The container's directory for a controller, and which version it is. */
struct at {
	const char *dir;
	bool v2;
	struct arena *arena;
};

static bool find(const struct host *h, const struct plan_target *t, uint32_t controller,
		 struct arena *arena, struct at *ret)
{
	const struct hierarchy *hy = host_hierarchy(h, controller);

	*ret = (struct at){ .arena = arena };
	if (hy) {
		ret->dir = t->cgroups[hy - h->hierarchies];
		ret->v2 = hy->v2;
	}
	return ret->dir;
}

/* The first line, or NULL. */
static char *read_text(const struct at *at, const char *v1, const char *v2)
{
	const char *file = at->v2 ? v2 : v1;
	char text[256];

	if (!file ||
	    fd_read_line(AT_FDCWD, arena_printf(at->arena, "%s/%s", at->dir, file), text,
			 sizeof(text)) < 0)
		return NULL;
	return arena_strdup(at->arena, text);
}

/* "max" and what v1 shows for it are INT64_MAX. */
static struct opt_i64 read_bytes(const struct at *at, const char *v1, const char *v2)
{
	const char *text = read_text(at, v1, v2);
	uint64_t n;

	if (text && !strcmp(text, "max"))
		return (struct opt_i64){ true, INT64_MAX };
	if (!text || !parse_u64(text, UINT64_MAX, &n))
		return (struct opt_i64){ 0 };
	return (struct opt_i64){ true, n >> 62 ? INT64_MAX : (int64_t)n };
}

static struct opt_u64 read_number(const struct at *at, const char *v1, const char *v2)
{
	const char *text = read_text(at, v1, v2);
	struct opt_u64 ret = { 0 };

	ret.set = text && parse_u64(text, UINT64_MAX, &ret.v);
	return ret;
}

static void read_quota(const struct at *at, struct limits_now *ret)
{
	char *text = read_text(at, "cpu.cfs_quota_us", "cpu.max");
	char *space = text && at->v2 ? strchr(text, ' ') : NULL;

	if (space) {
		*space = '\0';
		ret->period.set = parse_u64(space + 1, UINT64_MAX, &ret->period.v);
	} else {
		ret->period = read_number(at, "cpu.cfs_period_us", NULL);
	}
	ret->quota = (struct opt_i64){ text, -1 };
	if (text && strcmp(text, "max") != 0)
		parse_i64(text, -1, INT64_MAX, &ret->quota.v);
}

static char *read_devices(const struct at *at)
{
	char *text;
	size_t n;

	return fd_read_file(AT_FDCWD, arena_printf(at->arena, "%s/devices.list", at->dir),
			    at->arena, LIST_MAX, &text, &n) < 0
		       ? NULL
		       : text;
}

void probe_limits(const struct resources *r, const struct host *h,
		  const struct plan_target *t, struct arena *arena,
		  struct limits_now *ret)
{
	struct at at;

	*ret = (struct limits_now){ 0 };
	if (r->memory && find(h, t, CT_MEMORY, arena, &at)) {
		ret->memory = read_bytes(&at, "memory.limit_in_bytes", "memory.max");
		ret->swap = read_bytes(&at, "memory.memsw.limit_in_bytes",
				       "memory.swap.max");
		ret->usage = read_bytes(&at, "memory.usage_in_bytes", "memory.current");
	}
	if (r->cpu && find(h, t, CT_CPU, arena, &at)) {
		read_quota(&at, ret);
		ret->burst = read_number(&at, "cpu.cfs_burst_us", "cpu.max.burst");
		ret->idle = read_number(&at, "cpu.idle", "cpu.idle");
		ret->rt_period = read_number(&at, "cpu.rt_period_us", NULL);
	}
	if (r->devices.n && find(h, t, CT_DEVICES, arena, &at) && !at.v2)
		ret->devices = read_devices(&at);
}
