/*
 * The container's /dev (config-linux: Devices, Default Devices; runtime-linux: Dev symbolic links). The
 * directory is opened once, inside the root: an image whose /dev is a link gets its nodes where the link leads
 * within the image, never on the host (CVE-2026-41579).
 */
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "plan/mounts.h"

static const struct {
	const char *name;
	unsigned major, minor;
} defaults[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} dev_links[] = {
	{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* A /dev that comes from elsewhere is complete, and not ours to change. */
static bool dev_is_bound(struct build *b)
{
	bool bound = false;

	for (size_t i = 0; i < b->spec->mounts.n; i++) {
		const struct mount *m = &b->spec->mounts.v[i];
		struct mount_wish w;

		if (!m->destination || strcmp(part_clean(b, m->destination), "/dev") != 0)
			continue;
		mount_options_read(&m->options, b->p->arena, &w);
		bound = w.bind || (m->type && !strcmp(m->type, "bind"));
	}
	return bound;
}

/* Where nodes cannot be made the host's are bound. */
static bool must_bind(const struct build *b)
{
	return b->user_ns || b->host->own_userns || !host_has_cap(b->host, CAP_MKNOD);
}

static bool is_listed(struct build *b, const char *name)
{
	const char *path = part_text(b, "/dev/%s", name);
	const struct linux_config *l = b->spec->linux_;

	for (size_t i = 0; i < l->devices.n; i++)
		if (l->devices.v[i].path &&
		    !strcmp(part_clean(b, l->devices.v[i].path), path))
			return true;
	return false;
}

/* path is absolute; what lies directly in /dev goes there by name. bound: in a user namespace the host's node
 * is bound, mknod is not possible. */
static struct step *node(struct build *b, const char *path, bool bound,
			 const char *origin)
{
	const char *name = strncmp(path, "/dev/", 5) ? path : path + 5;
	bool flat = name != path && !strchr(name, '/');
	int slot = bound ? part_source(b, path, STEP_IN_USERNS, origin) : SLOT_NONE;
	struct step *s = plan_init(b->p, OP_NODE, "%s", origin);

	s->str[0] = plan_str(b->p, flat ? name : path);
	s->slot[0] = flat ? SLOT_DEV : SLOT_ROOTFS;
	s->slot[1] = (int16_t)slot;
	s->flags = bound ? STEP_IN_USERNS : 0;
	return s;
}

static void add_defaults(struct build *b)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		struct step *s;

		if (is_listed(b, defaults[i].name))
			continue;
		s = node(b, part_text(b, "/dev/%s", defaults[i].name), must_bind(b), "");
		s->word[0] = S_IFCHR | 0666;
		s->word[1] = makedev(defaults[i].major, defaults[i].minor);
	}
}

static void add_links(struct build *b)
{
	for (size_t i = 0; i < sizeof(dev_links) / sizeof(dev_links[0]); i++) {
		struct step *s = plan_init(b->p, OP_LINK, NULL);

		s->str[0] = plan_str(b->p, dev_links[i].name);
		s->str[1] = plan_str(b->p, dev_links[i].target);
		s->slot[0] = SLOT_DEV;
	}
}

/* 0: not a type of device. */
static mode_t type_mode(const char *type)
{
	if (!type || strlen(type) != 1)
		return 0;
	return *type == 'b'                   ? S_IFBLK
	       : *type == 'c' || *type == 'u' ? S_IFCHR
	       : *type == 'p'                 ? S_IFIFO
					      : 0;
}

static int add_listed(struct build *b, size_t i)
{
	const struct device *d = &b->spec->linux_->devices.v[i];
	const char *origin = part_text(b, "linux.devices[%zu]", i);
	mode_t type = type_mode(d->type);
	uint64_t uid = d->uid.set ? d->uid.v : 0, gid = d->gid.set ? d->gid.v : 0;
	struct step *s;

	if (!type)
		return err_at(b->e, ERR_CONFIG, part_text(b, "%s.type", origin),
			      "expected \"c\", \"b\", \"u\" or \"p\"");
	if (!d->path || *d->path != '/')
		return err_at(b->e, ERR_CONFIG, part_text(b, "%s.path", origin),
			      "not an absolute path");
	/* The kernel's device numbers have 12 and 20 bits. */
	if (type != S_IFIFO &&
	    ((uint64_t)d->major.v > 4095 || (uint64_t)d->minor.v > 1048575))
		return err_at(b->e, ERR_CONFIG, part_text(b, "%s.major", origin),
			      "%lld:%lld is not a device number", (long long)d->major.v,
			      (long long)d->minor.v);
	s = node(b, part_clean(b, d->path), must_bind(b) && type != S_IFIFO, origin);
	s->word[0] = type | (d->file_mode.set ? d->file_mode.v & 07777 : 0666);
	s->word[1] = type == S_IFIFO
			     ? 0
			     : makedev((unsigned)d->major.v, (unsigned)d->minor.v);
	s->word[2] = uid << 32 | gid;
	return 0;
}

int plan_nodes(struct build *b)
{
	struct step *s;

	if (dev_is_bound(b))
		return 0;
	s = plan_init(b->p, OP_DIR_OPEN, NULL);
	s->str[0] = plan_str(b->p, "/dev");
	s->slot[0] = SLOT_DEV;
	add_defaults(b);
	for (size_t i = 0; i < b->spec->linux_->devices.n; i++)
		if (add_listed(b, i))
			return -1;
	add_links(b);
	return 0;
}

void part_bound_nodes(struct build *b, bool restore,
		      void (*add)(struct build *b, bool restore, const char *path,
				  const char *source, const char *origin))
{
	const struct linux_config *l = b->spec->linux_;

	if (dev_is_bound(b) || !must_bind(b))
		return;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		const char *path = part_text(b, "/dev/%s", defaults[i].name);

		if (!is_listed(b, defaults[i].name))
			add(b, restore, path, path, "");
	}
	for (size_t i = 0; i < l->devices.n; i++) {
		const struct device *d = &l->devices.v[i];

		if (d->path && type_mode(d->type) && type_mode(d->type) != S_IFIFO)
			add(b, restore, part_clean(b, d->path), part_clean(b, d->path),
			    part_text(b, "linux.devices[%zu]", i));
	}
}
