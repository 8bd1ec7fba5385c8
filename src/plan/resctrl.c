/*
 * Cache and memory bandwidth (config-linux: IntelRdt): which directory of the resctrl file system the container's processes
 * are written to, whether it is made, and what its schemata are. The kernel's side is in cgroup/resctrl.c.
 *
 * A named class (closID) may be everybody's: it is made if there is a schema for it, and what it has already is compared, not
 * changed. Without a name it is the container's own, called like the container.
 */
#include <string.h>

#include "plan/parts.h"

enum { SCHEMATA_MAX = 1 << 20 };

static bool is_set(const char *s)
{
	return s && *s;
}

static void add_line(struct buf *text, const char *line, size_t n)
{
	if (!n)
		return;
	buf_add(text, line, n);
	buf_char(text, '\n');
}

/* l3CacheSchema and memBwSchema together; the latter replaces lines "MB:" of the former. */
static const char *schemas(struct build *b, const struct intel_rdt *r)
{
	struct buf text;

	buf_init(&text, b->p->arena, SCHEMATA_MAX);
	for (const char *s = is_set(r->l3_cache_schema) ? r->l3_cache_schema : ""; *s;) {
		size_t n = strcspn(s, "\n");

		if (!is_set(r->mem_bw_schema) || strncmp(s, "MB:", 3) != 0)
			add_line(&text, s, n);
		s += n + (s[n] == '\n');
	}
	if (is_set(r->mem_bw_schema))
		add_line(&text, r->mem_bw_schema, strlen(r->mem_bw_schema));
	return text.len ? text.p : NULL;
}

static const char *schemata(struct build *b, const struct intel_rdt *r)
{
	struct buf text;

	buf_init(&text, b->p->arena, SCHEMATA_MAX);
	for (size_t i = 0; i < r->schemata.n; i++)
		add_line(&text, r->schemata.v[i], strlen(r->schemata.v[i]));
	return text.len ? text.p : NULL;
}

size_t plan_resctrl_groups(const struct intel_rdt *r, const char *mount, const char *id,
			   struct arena *arena, struct resctrl_group ret[2])
{
	bool named = is_set(r->clos_id), has_schema = is_set(r->l3_cache_schema) ||
						      is_set(r->mem_bw_schema) ||
						      r->schemata.n;

	ret[0] = (struct resctrl_group){
		.dir = named && !strcmp(r->clos_id, "/")
			       ? mount
			       : arena_printf(arena, "%s/%s", mount,
					      named ? r->clos_id : id),
		.owner = !named       ? RESCTRL_OWN
			 : has_schema ? RESCTRL_SHARED
				      : RESCTRL_EXISTING,
		.origin = named ? "linux.intelRdt.closID" : "linux.intelRdt",
	};
	if (!r->enable_monitoring && !r->enable_cmt && !r->enable_mbm)
		return 1;
	ret[1] = (struct resctrl_group){
		.dir = arena_printf(arena, "%s/mon_groups/%s", ret[0].dir, id),
		.owner = RESCTRL_OWN,
		.origin = r->enable_monitoring ? "linux.intelRdt.enableMonitoring"
			  : r->enable_cmt      ? "linux.intelRdt.enableCMT"
					       : "linux.intelRdt.enableMBM",
	};
	return 2;
}

static void add_make(struct build *b, const struct resctrl_group *g, const char *lines)
{
	struct step *s = plan_host(b->p, OP_RESCTRL_MAKE, "%s", g->origin);

	s->str[0] = plan_str(b->p, g->dir);
	s->str[1] = plan_str(b->p, lines);
	s->word[0] = g->owner;
}

static void add_write(struct build *b, const char *dir, const char *lines)
{
	struct step *s;

	if (!lines)
		return;
	s = plan_host(b->p, OP_RESCTRL_WRITE, "linux.intelRdt.schemata");
	s->str[0] = plan_str(b->p, dir);
	s->str[1] = plan_str(b->p, lines);
}

int plan_resctrl_make(struct build *b)
{
	const struct intel_rdt *r = b->spec->linux_->intel_rdt;
	struct resctrl_group g[2];
	size_t n;

	if (!r)
		return 0;
	if (!b->host->resctrl)
		return err_at(
			b->e, ERR_HOST, "linux.intelRdt",
			"no resctrl file system is mounted: on a processor with RDT "
			"\"mount -t resctrl resctrl /sys/fs/resctrl\" does it");
	n = plan_resctrl_groups(r, b->host->resctrl, b->opts->id, b->p->arena, g);
	b->resctrl.v = arena_array(b->p->arena, n, sizeof(*b->resctrl.v));
	add_make(b, &g[0], schemas(b, r));
	add_write(b, g[0].dir, schemata(b, r));
	if (n > 1)
		add_make(b, &g[1], NULL);
	for (size_t i = 0; i < n; i++)
		b->resctrl.v[b->resctrl.n++] = (char *)g[i].dir;
	return 0;
}

void plan_resctrl_join(struct build *b)
{
	for (size_t i = 0; i < b->resctrl.n; i++)
		plan_host(b->p, OP_RESCTRL_JOIN, "linux.intelRdt")->str[0] = plan_str(
			b->p, b->resctrl.v[i]);
}
