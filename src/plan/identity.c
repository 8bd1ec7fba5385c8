/*
 * Who the payload is and what it may do (config: User, Linux process; config-linux: Seccomp). Order: label,
 * bounding set, groups, ids, capabilities, ambient set, umask, no_new_privs. The filter is loaded before the
 * capabilities go when no_new_privs is not asked for (the kernel wants CAP_SYS_ADMIN then), else last.
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <string.h>

#include "plan/parts.h"
#include "plan/seccomp.h"

/* --- capabilities --- */

static uint64_t bits_of(const caps *list)
{
	uint64_t set = 0;

	for (size_t i = 0; i < list->n; i++)
		set |= (uint64_t)1 << list->v[i];
	return set;
}

static void warn_caps(struct build *b, const char *key, uint64_t lost, const char *why)
{
	struct buf names;

	if (!lost)
		return;
	buf_init(&names, b->p->arena, 2048);
	for (const struct name *n = cap_names(); n->text; n++)
		if (lost >> n->value & 1)
			buf_fmt(&names, "%s%s", names.len ? " " : "", n->text);
	part_warn(b, "%scapabilities.%s: left out, %s: %s", part_at(b), key, why,
		  names.p);
}

struct cap_sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* What the configuration asks for, without what cannot be given. */
static void choose_caps(struct build *b, struct cap_sets *ret)
{
	const struct capabilities *c = b->process->capabilities;
	uint64_t known = b->host->cap_last >= 63
				 ? ~(uint64_t)0
				 : ((uint64_t)1 << (b->host->cap_last + 1)) - 1;
	uint64_t mine = b->user_ns ? known : b->host->caps & known, lost;

	*ret = (struct cap_sets){ 0 };
	if (!c)
		return;
	lost = (bits_of(&c->bounding) | bits_of(&c->permitted) | bits_of(&c->effective) |
		bits_of(&c->inheritable)) &
	       ~mine;
	warn_caps(b, "bounding", lost, "skiff does not hold them here");
	ret->bounding = bits_of(&c->bounding) & mine;
	ret->permitted = bits_of(&c->permitted) & mine;
	ret->effective = bits_of(&c->effective) & ret->permitted;
	ret->inheritable = bits_of(&c->inheritable) & mine;
	ret->ambient = bits_of(&c->ambient) & ret->permitted & ret->inheritable;
	warn_caps(b, "effective", bits_of(&c->effective) & mine & ~ret->effective,
		  "not permitted");
	warn_caps(b, "ambient", bits_of(&c->ambient) & mine & ~ret->ambient,
		  "not both permitted and inheritable");
}

static void add_bounding(struct build *b, const struct cap_sets *c)
{
	plan_init(b->p, OP_BOUNDING, "%scapabilities.bounding", part_at(b))->word[0] =
		c->bounding;
}

static void add_caps(struct build *b, const struct cap_sets *c)
{
	struct step *s = plan_init(b->p, OP_CAPS, "%scapabilities", part_at(b));

	s->word[0] = c->effective;
	s->word[1] = c->permitted;
	s->word[2] = c->inheritable;
	/* Init may have come with ambient capabilities; those that are not inheritable are gone by now. */
	if (c->ambient || (c->permitted & c->inheritable))
		plan_init(b->p, OP_AMBIENT, "%scapabilities.ambient", part_at(b))
			->word[0] = c->ambient;
}

/* --- ids --- */

/* Engines list the primary group again, which is no wish that could be denied. */
static bool wants_groups(const struct user *u)
{
	for (size_t i = 0; i < u->additional_gids.n; i++)
		if (u->additional_gids.v[i] != u->gid)
			return true;
	return false;
}

static int add_groups(struct build *b)
{
	const struct user *u = &b->process->user;
	const char *keep = spec_annotation(b->spec, "run.oci.keep_original_groups");
	uint32_t list;
	struct step *s;

	if (keep && !strcmp(keep, "1"))
		return 0;
	if (b->deny_groups && wants_groups(u))
		return err_at(b->e, ERR_HOST,
			      part_text(b, "%suser.additionalGids", part_at(b)),
			      "an ordinary user who maps only the own group cannot set "
			      "groups: leave them out, or map a range of /etc/subgid");
	if (b->deny_groups)
		return 0;
	list = u->additional_gids.n
		       ? plan_bytes(b->p, u->additional_gids.v, u->additional_gids.n * 4)
		       : 0;
	s = plan_init(b->p, OP_GROUPS, "%suser.additionalGids", part_at(b));
	s->str[0] = list;
	s->word[0] = u->additional_gids.n;
	return 0;
}

static bool is_user_already(const struct build *b)
{
	const struct user *u = &b->process->user;

	if (!b->user_ns)
		return u->uid == b->host->euid && u->gid == b->host->egid;
	/* BECOME made it 0:0, unless root is not mapped. */
	return !u->uid && !u->gid;
}

static void add_ids(struct build *b, const struct cap_sets *c)
{
	const struct user *u = &b->process->user;
	struct step *s;

	if (is_user_already(b))
		return;
	s = plan_init(b->p, OP_IDS, "%suser", part_at(b));
	s->word[0] = u->uid;
	s->word[1] = u->gid;
	s->word[2] = u->uid && (c->permitted | c->inheritable);
}

static int check_ids(struct build *b)
{
	const struct user *u = &b->process->user;

	if (!(b->ns_new & CLONE_NEWUSER))
		return 0;
	if (!plan_ns_maps_id(&b->uids, u->uid))
		return err_at(b->e, ERR_CONFIG, part_text(b, "%suser.uid", part_at(b)),
			      "%u is not mapped in linux.uidMappings", u->uid);
	if (!plan_ns_maps_id(&b->gids, u->gid))
		return err_at(b->e, ERR_CONFIG, part_text(b, "%suser.gid", part_at(b)),
			      "%u is not mapped in linux.gidMappings", u->gid);
	return 0;
}

/* --- label --- */

static bool is_confined(const char *profile)
{
	return profile && *profile && strcmp(profile, "unconfined") != 0;
}

static void add_label(struct build *b, const char *key, const char *value,
		      const char *file)
{
	struct step *s;

	part_proc(b, false);
	s = plan_init(b->p, OP_LABEL, "%s%s", part_at(b), key);
	s->str[0] = plan_str(b->p, value);
	s->str[1] = plan_str(b->p, file);
}

static int add_labels(struct build *b)
{
	const struct process *pr = b->process;

	if (pr->selinux_label && *pr->selinux_label) {
		if (!b->host->has_selinux)
			return err_at(b->e, ERR_HOST,
				      part_text(b, "%sselinuxLabel", part_at(b)),
				      "SELinux is not enabled on this host");
		add_label(b, "selinuxLabel", pr->selinux_label, "thread-self/attr/exec");
	}
	if (is_confined(pr->apparmor_profile)) {
		if (!b->host->has_apparmor)
			return err_at(b->e, ERR_HOST,
				      part_text(b, "%sapparmorProfile", part_at(b)),
				      "AppArmor is not enabled on this host");
		add_label(b, "apparmorProfile",
			  part_text(b, "exec %s", pr->apparmor_profile),
			  "thread-self/attr/apparmor/exec");
	}
	return 0;
}

/* --- seccomp --- */

static const struct seccomp *profile(const struct build *b)
{
	return b->spec->linux_ ? b->spec->linux_->seccomp : NULL;
}

bool plan_notifies(const struct build *b)
{
	const struct seccomp *w = profile(b);
	bool found = w && w->default_action == SC_NOTIFY;

	for (size_t i = 0; w && i < w->syscalls.n; i++)
		found |= w->syscalls.v[i].action == SC_NOTIFY;
	return found;
}

/* FNV-1a: names a profile for people; the cache makes its own key. */
static uint64_t hash(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3;
	return h;
}

int plan_seccomp_host(struct build *b)
{
	const char *known = spec_annotation(b->spec,
					    "run.oci.seccomp_fail_unknown_syscall");
	const struct seccomp *w = profile(b);
	struct buf form;
	uint32_t bytes;
	struct step *s;

	if (!w)
		return 0;
	buf_init(&form, b->p->arena, (size_t)16 << 20);
	if (seccomp_canonical(w, &form, b->e))
		return -1;
	if (known && strcmp(known, "0") != 0)
		seccomp_known_only(&form);
	bytes = plan_bytes(b->p, form.p, form.len);
	s = plan_host(b->p, OP_SECCOMP_LOAD, "linux.seccomp");
	s->str[0] = bytes;
	s->word[0] = form.len;
	s->word[1] = hash(form.p, form.len);
	return 0;
}

void plan_seccomp_load(struct build *b, bool last)
{
	const struct seccomp *w = profile(b);
	uint64_t flags = 0;
	struct step *s;

	if (!w)
		return;
	for (size_t i = 0; i < w->flags.n; i++)
		flags |= (uint64_t)w->flags.v[i];
	s = plan_init(b->p, OP_SECCOMP, "linux.seccomp");
	s->word[0] = flags & ~(uint64_t)1; /* TSYNC: init is one thread */
	s->word[1] = plan_notifies(b);
	s->flags = last ? STEP_LAST : 0;
}

/* Not the caller's: the same configuration makes the same container. */
#define UMASK_DEFAULT 0022

static void add_umask(struct build *b)
{
	const struct opt_u64 *wish = &b->process->user.umask;

	plan_init(b->p, OP_UMASK, "%s",
		  wish->set ? part_text(b, "%suser.umask", part_at(b)) : "")
		->word[0] = wish->set ? wish->v & 0777 : UMASK_DEFAULT;
}

int plan_identity(struct build *b)
{
	const struct process *pr = b->process;
	struct cap_sets c;

	if (check_ids(b) || add_labels(b))
		return -1;
	choose_caps(b, &c);
	/* The filter may forbid it later. `create` has done it before it said "created", and the clone into a pid
	 * namespace loses it. */
	if (b->target ? !(b->target->ns_flags & CLONE_NEWPID)
		      : b->opts->start_at_once || plan_notifies(b))
		plan_init(b->p, OP_DEATH_SIGNAL, NULL)->word[0] = 0;
	if (!pr->no_new_privileges)
		plan_seccomp_load(b, true);
	add_bounding(b, &c);
	if (add_groups(b))
		return -1;
	add_ids(b, &c);
	add_caps(b, &c);
	add_umask(b);
	if (pr->no_new_privileges)
		plan_init(b->p, OP_NO_NEW_PRIVS, "%snoNewPrivileges", part_at(b));
	return 0;
}
