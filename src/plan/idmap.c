/*
 * Idmapped mounts (config: Mounts, uidMappings and gidMappings; the options idmap and ridmap): which mappings each
 * of them has, and the user namespace that carries them. The kernel idmaps detached mounts only, and asks for rights
 * over the file system: so it is the host side that does it, before init attaches the mount.
 *
 * Mappings come from the mount itself, from the option ("idmap=uids=0-1000-1#5-7-1;gids=..."; as crun reads it),
 * or are those of the container.
 */
#include <linux/sched.h>
#include <string.h>

#include "plan/mounts.h"

enum { MAPS_MAX = 340 /* lines that the kernel takes */ };

struct idmap {
	bool wanted, rec, own; /* own: the container's user namespace has them */
	int slot;              /* of the mount */
	int ns;                /* of the user namespace, once there is a step for it */
	id_maps uids, gids;
};

/* --- "uids=0-1000-1#@5-7-1;gids=..." --- */

/* Ids of the container's user namespace as the host counts them. */
static bool translate(const id_maps *maps, struct id_map *m)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct id_map *r = &maps->v[i];

		if (m->host_id < r->container_id ||
		    m->host_id - r->container_id >= r->size ||
		    m->size > r->size - (m->host_id - r->container_id))
			continue;
		m->host_id = r->host_id + (m->host_id - r->container_id);
		return true;
	}
	return false;
}

/* "INSIDE-OUTSIDE-COUNT", "@" in front: OUTSIDE is an id of the container. */
static int read_one(struct build *b, const char *origin, char *text,
		    const id_maps *container, struct id_map *ret)
{
	uint32_t *const fields[] = { &ret->container_id, &ret->host_id, &ret->size };
	bool relative = *text == '@';
	char *rest = text + relative, *word;

	for (size_t i = 0; i < 3; i++) {
		uint64_t n;

		word = strsep(&rest, "-");
		if (!word || !parse_u64(word, UINT32_MAX, &n))
			return err_at(b->e, ERR_CONFIG, origin,
				      "\"%s\" is not a mapping: expected three numbers, "
				      "as in 0-1000-1",
				      text);
		*fields[i] = (uint32_t)n;
	}
	if (rest || !ret->size)
		return err_at(b->e, ERR_CONFIG, origin,
			      "a mapping is FIRST-ON-DISK, FIRST-ON-HOST and a count "
			      "above 0: 0-1000-1");
	if (relative && !translate(container, ret))
		return err_at(b->e, ERR_CONFIG, origin,
			      "the ids of \"%s\" lie in no single range of the "
			      "container's user namespace",
			      text);
	return 0;
}

static int read_list(struct build *b, const char *origin, char *text,
		     const id_maps *container, id_maps *ret)
{
	char *one;

	ret->v = arena_array(b->p->arena, MAPS_MAX, sizeof(*ret->v));
	ret->n = 0;
	while ((one = strsep(&text, "#"))) {
		if (ret->n == MAPS_MAX)
			return err_at(b->e, ERR_CONFIG, origin, "more than %d mappings",
				      MAPS_MAX);
		if (read_one(b, origin, one, container, &ret->v[ret->n++]))
			return -1;
	}
	return 0;
}

static int read_text(struct build *b, const char *origin, const char *text,
		     struct idmap *ret)
{
	const struct linux_config *l = b->spec->linux_;
	char *rest = arena_strdup(b->p->arena, text), *part;
	int r = 0;

	while (!r && (part = strsep(&rest, ";"))) {
		if (!strncmp(part, "uids=", 5))
			r = read_list(b, origin, part + 5, &l->uid_mappings, &ret->uids);
		else if (!strncmp(part, "gids=", 5))
			r = read_list(b, origin, part + 5, &l->gid_mappings, &ret->gids);
		else
			r = err_at(b->e, ERR_CONFIG, origin,
				   "\"%s\": expected uids=... or gids=...", part);
	}
	if (!r && (!ret->uids.n || !ret->gids.n))
		r = err_at(b->e, ERR_CONFIG, origin,
			   "idmap= needs uids= and gids=: "
			   "idmap=uids=0-1000-1;gids=0-1000-1");
	return r;
}

/* --- which mounts, and with what --- */

static bool is_same(const id_maps *a, const id_maps *b)
{
	return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof(*a->v));
}

static bool is_wanted(const struct mount *m)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (mount_option_is_idmap(m->options.v[i]))
			return true;
	return m->uid_mappings.n;
}

static int check(struct build *b, size_t i, const struct mount_wish *w)
{
	const struct mount *m = &b->spec->mounts.v[i];
	const char *origin = part_text(b, "mounts[%zu].options", i);
	bool bound = w->bind || (m->type && !strcmp(m->type, "bind"));

	if (!bound || w->remount)
		return err_at(b->e, ERR_CONFIG, origin,
			      "only bind mounts can be idmapped: a new file system takes "
			      "options such as uid= and gid=");
	if (!b->can_mount)
		return err_at(b->e, ERR_HOST, origin,
			      "idmapped mounts take root (CAP_SYS_ADMIN): the file "
			      "system belongs to the host");
	return 0;
}

static int choose(struct build *b, size_t i, struct idmap *ret)
{
	const struct mount *m = &b->spec->mounts.v[i];
	struct mount_wish w;

	mount_options_read(&m->options, b->p->arena, &w);
	if (check(b, i, &w))
		return -1;
	*ret = (struct idmap){ .wanted = true,
			       .rec = w.idmap_rec,
			       .slot = plan_slot(b->p),
			       .ns = SLOT_NONE,
			       .uids = m->uid_mappings,
			       .gids = m->gid_mappings };
	if (w.idmap_text &&
	    read_text(b, part_text(b, "mounts[%zu].options", i), w.idmap_text, ret))
		return -1;
	ret->own = !ret->uids.n;
	/* Engines repeat the container's mappings: one user namespace less to make. */
	if (b->ns_new & CLONE_NEWUSER)
		ret->own |= is_same(&ret->uids, &b->uids) &&
			    is_same(&ret->gids, &b->gids);
	return 0;
}

int plan_idmaps_choose(struct build *b)
{
	for (size_t i = 0; i < b->spec->mounts.n; i++) {
		if (!is_wanted(&b->spec->mounts.v[i]) || part_link(b, i))
			continue;
		if (!b->idmaps)
			b->idmaps = arena_array(b->p->arena, b->spec->mounts.n,
						sizeof(*b->idmaps));
		if (choose(b, i, &b->idmaps[i]))
			return -1;
	}
	return 0;
}

int part_idmap_slot(struct build *b, size_t i)
{
	return b->idmaps && b->idmaps[i].wanted ? b->idmaps[i].slot : plan_slot(b->p);
}

/* --- steps --- */

/* A namespace that an earlier mount has asked for, or a new one. */
static int namespace_of(struct build *b, size_t i, bool own)
{
	struct idmap *m = &b->idmaps[i];
	struct step *s;
	uint32_t uids, gids;

	for (size_t k = 0; k < i; k++) {
		const struct idmap *o = &b->idmaps[k];

		if (o->ns != SLOT_NONE && o->wanted && o->own == m->own &&
		    (own || (is_same(&o->uids, &m->uids) && is_same(&o->gids, &m->gids))))
			return o->ns;
	}
	uids = own ? 0 : part_map_text(b, &m->uids);
	gids = own ? 0 : part_map_text(b, &m->gids);
	s = plan_host(b->p, OP_USERNS, "mounts[%zu]%s", i, own ? ".options" : "");
	s->str[0] = uids;
	s->str[1] = gids;
	s->word[0] = own;
	s->slot[0] = (int16_t)plan_slot(b->p);
	return s->slot[0];
}

static void map(struct build *b, size_t i)
{
	const struct idmap *m = &b->idmaps[i];
	struct step *s = plan_host(b->p, OP_IDMAP, "mounts[%zu].options", i);

	s->str[0] = plan_str(b->p, b->spec->mounts.v[i].source);
	s->slot[0] = (int16_t)m->slot;
	s->slot[1] = (int16_t)m->ns;
	s->flags = m->rec ? STEP_REC : 0;
}

void part_idmap(struct build *b, size_t i)
{
	struct idmap *m = b->idmaps ? &b->idmaps[i] : NULL;

	if (!m || !m->wanted || (m->own && b->ns_new & CLONE_NEWUSER))
		return;
	m->ns = m->own ? b->ns_slots[NS_USER] : namespace_of(b, i, false);
	map(b, i);
}

void plan_idmaps_own(struct build *b)
{
	if (b->ns_joined & CLONE_NEWNS)
		return;
	for (size_t i = 0; b->idmaps && i < b->spec->mounts.n; i++) {
		struct idmap *m = &b->idmaps[i];

		if (!m->wanted || !m->own)
			continue;
		m->ns = namespace_of(b, i, true);
		map(b, i);
	}
}
