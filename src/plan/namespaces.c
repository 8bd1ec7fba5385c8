/*
 * Namespaces (config-linux: Namespaces, User namespace mappings, Offset for Time Namespace): which are made and
 * which are joined, by whom and in which order.
 *
 * What is made comes into being with init's clone, so that it belongs to the new user namespace if there is one.
 * Three are late: a time namespace (entered by the payload's exec), a cgroup namespace on v1 (its root is where
 * init is when it is made, and init is moved first), and everything when the user namespace is joined, or made while others
 * are joined: init is executed in the host's namespaces then, and cannot be read by the container (init's memory
 * belongs to the user namespace it was executed in).
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>

#include "plan/parts.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
	int type;
	uint32_t flag;
} kinds[] = {
	{ NS_USER, CLONE_NEWUSER },     { NS_MNT, CLONE_NEWNS },
	{ NS_PID, CLONE_NEWPID },       { NS_NET, CLONE_NEWNET },
	{ NS_IPC, CLONE_NEWIPC },       { NS_UTS, CLONE_NEWUTS },
	{ NS_CGROUP, CLONE_NEWCGROUP }, { NS_TIME, CLONE_NEWTIME },
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

uint32_t plan_ns_flag(int type)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].type == type)
			return kinds[i].flag;
	return 0;
}

/* Where in the configuration the namespace with this flag is listed. */
static size_t index_of(const struct build *b, uint32_t flag)
{
	const struct linux_config *l = b->spec->linux_;

	for (size_t i = 0; l && i < l->namespaces.n; i++)
		if (plan_ns_flag(l->namespaces.v[i].type) == flag)
			return i;
	return 0;
}

bool plan_ns_maps_id(const id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->v[i].container_id &&
		    id - maps->v[i].container_id < maps->v[i].size)
			return true;
	return false;
}

bool plan_ns_host_id(const struct build *b, uint32_t *id)
{
	if (!b->user_ns)
		return true;
	for (size_t i = 0; i < b->uids.n; i++) {
		const struct id_map *m = &b->uids.v[i];

		if (*id < m->container_id || *id - m->container_id >= m->size)
			continue;
		*id = m->host_id + (*id - m->container_id);
		return true;
	}
	return false;
}

static id_maps own_id(struct build *b, uint32_t id)
{
	struct id_map *m = arena_new(b->p->arena, struct id_map);

	*m = (struct id_map){ .host_id = id, .size = 1 };
	return (id_maps){ .v = m, .n = 1 };
}

/* Without privilege the kernel lets a process map its own id and no other. */
static bool is_own_id(const id_maps *maps, uint32_t id)
{
	return maps->n == 1 && maps->v[0].size == 1 && maps->v[0].host_id == id;
}

static bool by_helper(const struct build *b, const id_maps *maps, uint32_t own, int cap)
{
	return !host_has_cap(b->host, cap) && !is_own_id(maps, own);
}

static int choose_maps(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;
	const struct host *h = b->host;

	if (!h->euid && !(l->uid_mappings.n && l->gid_mappings.n))
		return err_at(
			b->e, ERR_CONFIG,
			l->uid_mappings.n ? "linux.gidMappings" : "linux.uidMappings",
			"a new user namespace needs mappings: add them, for example "
			"{\"containerID\": 0, \"hostID\": 100000, \"size\": 65536}");
	b->uids = l->uid_mappings.n ? l->uid_mappings : own_id(b, h->euid);
	b->gids = l->gid_mappings.n ? l->gid_mappings : own_id(b, h->egid);
	if (!h->newuidmap && by_helper(b, &b->uids, h->euid, CAP_SETUID))
		return err_at(b->e, ERR_HOST, "linux.uidMappings",
			      "newuidmap is not installed: an ordinary user can map only "
			      "the own id %u",
			      h->euid);
	if (!h->newuidmap && by_helper(b, &b->gids, h->egid, CAP_SETGID))
		return err_at(b->e, ERR_HOST, "linux.gidMappings",
			      "newgidmap is not installed: an ordinary user can map only "
			      "the own id %u",
			      h->egid);
	/* A process that may drop groups it could not drop before might gain rights (CVE-2014-8989). */
	b->deny_groups |= !host_has_cap(h, CAP_SETGID) && is_own_id(&b->gids, h->egid);
	return 0;
}

static int refuse_kind(struct build *b, size_t i, const char *what)
{
	return err_at(b->e, ERR_HOST, part_text(b, "linux.namespaces[%zu].type", i),
		      "this kernel has no %s namespaces", what);
}

static int check_kinds(struct build *b)
{
	const struct host *h = b->host;

	if (b->ns_new & CLONE_NEWCGROUP && !h->has_cgroup_ns)
		return refuse_kind(b, index_of(b, CLONE_NEWCGROUP), "cgroup");
	if (b->ns_new & CLONE_NEWTIME && !h->has_time_ns)
		return refuse_kind(b, index_of(b, CLONE_NEWTIME), "time");
	if (b->ns_new & CLONE_NEWUSER && !h->has_user_ns)
		return refuse_kind(b, index_of(b, CLONE_NEWUSER), "user");
	if (!((b->ns_new | b->ns_joined) & CLONE_NEWNS))
		return err_at(b->e, ERR_CONFIG, "linux.namespaces",
			      "a mount namespace is required");
	return 0;
}

static void read_list(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;

	for (size_t i = 0; i < NS_COUNT; i++)
		b->ns_slots[i] = SLOT_NONE;
	for (size_t i = 0; l && i < l->namespaces.n; i++) {
		const struct ns *n = &l->namespaces.v[i];

		if (!n->path) {
			b->ns_new |= plan_ns_flag(n->type);
			continue;
		}
		b->ns_joined |= plan_ns_flag(n->type);
		b->ns_slots[n->type] = plan_slot(b->p);
	}
}

int plan_ns_choose(struct build *b)
{
	uint32_t joined;

	read_list(b);
	b->deny_groups = b->host->no_setgroups;
	b->user_ns = (b->ns_new | b->ns_joined) & CLONE_NEWUSER;
	b->can_mount = host_has_cap(b->host, CAP_SYS_ADMIN);
	if (check_kinds(b))
		return -1;
	if (!b->user_ns && !b->can_mount)
		return err_at(b->e, ERR_CONFIG, "linux.namespaces",
			      "an ordinary user needs a user namespace: add {\"type\": "
			      "\"user\"}");
	if (!(b->ns_new & CLONE_NEWUSER))
		return 0;
	/* Only whoever has rights over them before can join older namespaces. */
	joined = b->ns_joined & -b->ns_joined;
	if (joined && !b->can_mount)
		return err_at(
			b->e, ERR_CONFIG,
			part_text(b, "linux.namespaces[%zu].path", index_of(b, joined)),
			"an ordinary user with a new user namespace cannot join existing "
			"namespaces: join their user namespace as well");
	return choose_maps(b);
}

void plan_ns_open(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;

	for (size_t i = 0; l && i < l->namespaces.n; i++) {
		const struct ns *n = &l->namespaces.v[i];
		struct step *s;

		if (!n->path)
			continue;
		s = plan_host(b->p, OP_NS_OPEN, "linux.namespaces[%zu].path", i);
		s->str[0] = plan_str(b->p, n->path);
		s->word[0] = plan_ns_flag(n->type);
		s->slot[0] = (int16_t)b->ns_slots[n->type];
	}
}

/* The user namespace is made by init when it has joined the others: inside it has no rights over them. */
static bool joins_first(const struct build *b)
{
	return b->ns_new & CLONE_NEWUSER && b->ns_joined;
}

uint32_t plan_ns_spawn_flags(const struct build *b)
{
	uint32_t late = CLONE_NEWTIME | (b->cg.must_join ? CLONE_NEWCGROUP : 0);

	return b->ns_joined & CLONE_NEWUSER || joins_first(b) ? 0 : b->ns_new & ~late;
}

bool plan_ns_pid_enter(const struct build *b)
{
	uint32_t late = b->ns_new & ~plan_ns_spawn_flags(b);

	return (b->ns_joined | late) & CLONE_NEWPID;
}

/* --- the maps of a new user namespace --- */

uint32_t part_map_text(struct build *b, const id_maps *maps)
{
	struct buf text;

	buf_init(&text, b->p->arena, 340 * 36); /* the kernel takes 340 lines */
	for (size_t i = 0; i < maps->n; i++)
		buf_fmt(&text, "%u %u %u\n", maps->v[i].container_id, maps->v[i].host_id,
			maps->v[i].size);
	return plan_str(b->p, text.p);
}

static uint32_t map_args(struct build *b, const id_maps *maps)
{
	const char **v = arena_array(b->p->arena, maps->n * 3 + 1, sizeof(*v));

	for (size_t i = 0; i < maps->n; i++) {
		v[i * 3] = part_text(b, "%u", maps->v[i].container_id);
		v[i * 3 + 1] = part_text(b, "%u", maps->v[i].host_id);
		v[i * 3 + 2] = part_text(b, "%u", maps->v[i].size);
	}
	return plan_list(b->p, v, maps->n * 3);
}

static void add_map(struct build *b, enum op op, const id_maps *maps, bool helper)
{
	const char *origin = op == OP_MAP_UID ? "linux.uidMappings" : "linux.gidMappings";
	uint32_t text = helper ? map_args(b, maps) : part_map_text(b, maps);
	struct step *s = plan_host(b->p, op, "%s", origin);

	s->str[0] = text;
	s->word[0] = helper;
	s->word[1] = helper ? maps->n * 3 : 0;
	s->word[2] = op == OP_MAP_GID && b->deny_groups;
}

void plan_ns_maps(struct build *b)
{
	const struct host *h = b->host;

	if (!(b->ns_new & CLONE_NEWUSER))
		return;
	if (joins_first(b))
		plan_host(b->p, OP_WAIT, NULL)->word[0] = SYNC_USER;
	add_map(b, OP_MAP_GID, &b->gids, by_helper(b, &b->gids, h->egid, CAP_SETGID));
	add_map(b, OP_MAP_UID, &b->uids, by_helper(b, &b->uids, h->euid, CAP_SETUID));
	plan_idmaps_own(b);
	plan_host(b->p, OP_TELL, NULL)->word[0] = SYNC_MAPPED;
}

/* --- init's way in --- */

/* Root of the user namespace, or the first id it has. */
static uint32_t first_id(const id_maps *maps)
{
	return !maps->n || plan_ns_maps_id(maps, 0) ? 0 : maps->v[0].container_id;
}

static void become(struct build *b)
{
	struct step *s = plan_init(b->p, OP_BECOME, NULL);

	s->word[0] = first_id(&b->uids);
	s->word[1] = first_id(&b->gids);
}

static void join(struct build *b, int type)
{
	struct step *s;

	if (!(b->ns_joined & plan_ns_flag(type)))
		return;
	s = plan_init(b->p, OP_NS_JOIN, "linux.namespaces[%zu].path",
		      index_of(b, plan_ns_flag(type)));
	s->slot[0] = (int16_t)b->ns_slots[type];
	s->word[0] = plan_ns_flag(type);
	if (type != NS_USER)
		return;
	/* The change of ids makes init dumpable again where fs.suid_dumpable is set. */
	become(b);
	plan_init(b->p, OP_DUMPABLE, NULL);
}

/* A caller with power over the host joins the user namespace last: it may have none over namespaces that
 * belong to the host afterwards. An ordinary user has power only after joining it. */
static void join_all(struct build *b)
{
	if (!b->can_mount)
		join(b, NS_USER);
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].type != NS_USER)
			join(b, kinds[i].type);
	if (b->can_mount)
		join(b, NS_USER);
}

static void make_late(struct build *b)
{
	uint32_t late = b->ns_new & ~plan_ns_spawn_flags(b);

	if (joins_first(b))
		late &= ~(uint32_t)CLONE_NEWUSER;
	if (late)
		plan_init(b->p, OP_NS_NEW, "linux.namespaces")->word[0] = late;
}

static int time_offsets(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;
	struct buf text;
	struct step *s;

	if (!(b->ns_new & CLONE_NEWTIME))
		return 0;
	buf_init(&text, b->p->arena, 4096);
	for (size_t i = 0; i < l->time_offsets.n; i++) {
		const struct time_offset *t = &l->time_offsets.v[i];

		if (strcmp(t->clock, "monotonic") != 0 &&
		    strcmp(t->clock, "boottime") != 0)
			return err_at(
				b->e, ERR_CONFIG,
				part_text(b, "linux.timeOffsets.%s", t->clock),
				"only \"monotonic\" and \"boottime\" have an offset");
		buf_fmt(&text, "%s %lld %u\n", t->clock, (long long)t->secs, t->nanosecs);
	}
	s = plan_init(b->p, OP_TIME_OFFSETS,
		      l->time_offsets.n ? "linux.timeOffsets" : "linux.namespaces");
	s->str[0] = plan_str(b->p, text.p);
	return 0;
}

static void names(struct build *b)
{
	const struct spec *c = b->spec;

	/* Never the host's own: spec_check has asked for a UTS namespace. */
	if (!((b->ns_new | b->ns_joined) & CLONE_NEWUTS))
		return;
	if (c->hostname && *c->hostname)
		plan_init(b->p, OP_HOSTNAME, "hostname")->str[0] = plan_str(b->p,
									    c->hostname);
	if (c->domainname && *c->domainname)
		plan_init(b->p, OP_DOMAINNAME, "domainname")->str[0] = plan_str(
			b->p, c->domainname);
}

static void loopback(struct build *b)
{
	if (b->ns_new & CLONE_NEWNET)
		plan_init(b->p, OP_LOOPBACK, "linux.namespaces[%zu]",
			  index_of(b, CLONE_NEWNET));
}

/* Not dumpable before the maps are written: an ordinary user could not write them. */
static void wait_for_maps(struct build *b)
{
	plan_init(b->p, OP_WAIT, NULL)->word[0] = SYNC_MAPPED;
	become(b);
	plan_init(b->p, OP_DUMPABLE, NULL);
}

static void make_user(struct build *b)
{
	plan_init(b->p, OP_NS_NEW, "linux.namespaces[%zu]", index_of(b, CLONE_NEWUSER))
		->word[0] = CLONE_NEWUSER;
	plan_init(b->p, OP_TELL, NULL)->word[0] = SYNC_USER;
	wait_for_maps(b);
}

int plan_ns_enter(struct build *b)
{
	bool fresh = b->ns_new & CLONE_NEWUSER && !joins_first(b);

	if (!fresh)
		plan_init(b->p, OP_DUMPABLE, NULL);
	if (b->cg.must_join)
		plan_init(b->p, OP_WAIT, NULL)->word[0] = SYNC_IN_CGROUP;
	if (fresh)
		wait_for_maps(b);
	join_all(b);
	if (joins_first(b))
		make_user(b);
	make_late(b);
	if (time_offsets(b))
		return -1;
	if (plan_ns_pid_enter(b))
		plan_init(b->p, OP_PID_ENTER, "linux.namespaces[%zu]",
			  index_of(b, CLONE_NEWPID));
	/* After every change of ids and processes: both clear it. */
	plan_init(b->p, OP_DEATH_SIGNAL, NULL)->word[0] = SIGKILL;
	plan_init(b->p, OP_SESSION, NULL);
	names(b);
	loopback(b);
	return 0;
}
