/*
 * What the container must not see or change in /proc and /sys (config-linux: Masked Paths, Readonly Paths), and
 * kernel parameters (config-linux: Sysctl), which are written through a private procfs: the image
 * cannot redirect the write (CVE-2025-52881).
 */
#include <linux/sched.h>
#include <string.h>

#include "plan/parts.h"

void part_proc(struct build *b, bool own_tree)
{
	struct step *s;

	if (b->has_proc)
		return;
	s = plan_init(b->p, OP_PROC, NULL);
	s->slot[0] = SLOT_PROC;
	s->flags = own_tree ? STEP_DIR : 0;
	b->has_proc = true;
}

/* As sysctl(8): '.' and '/' change roles when the first of them is a '.'. NULL: not a name below /proc/sys. */
static const char *sysctl_path(struct build *b, const char *key)
{
	char *path = arena_strdup(b->p->arena, key);
	size_t first = strcspn(path, "./");
	bool dots = path[first] == '.';

	for (char *c = path; dots && *c; c++)
		if (*c == '.' || *c == '/')
			*c = *c == '.' ? '/' : '.';
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += part != path;
		size_t n = strcspn(part, "/");

		if (!n || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return NULL;
	}
	return part_text(b, "sys/%s", path);
}

int plan_sysctls(struct build *b)
{
	const pairs *list = &b->spec->linux_->sysctl;

	if (list->n)
		part_proc(b, !(b->ns_joined & CLONE_NEWNS));
	for (size_t i = 0; i < list->n; i++) {
		const struct pair *v = &list->v[i];
		const char *path = sysctl_path(b, v->key);
		struct step *s;

		if (!path)
			return err_at(b->e, ERR_CONFIG, "linux.sysctl",
				      "\"%s\" is not the name of a kernel parameter",
				      v->key);
		s = plan_init(b->p, OP_SYSCTL, "linux.sysctl[\"%s\"]", v->key);
		s->str[0] = plan_str(b->p, path);
		s->str[1] = plan_str(b->p, v->value);
	}
	return 0;
}

/* What engines list by custom and is a directory: init tries that kind first. */
static bool is_directory(const char *path)
{
	static const char *const known[] = { "/proc/acpi", "/proc/asound", "/proc/scsi",
					     "/sys/firmware",
					     "/sys/devices/virtual/powercap" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(path, known[i]))
			return true;
	return false;
}

static void cover(struct build *b, enum op op, const char *key, const strs *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct step *s = plan_init(b->p, op, "linux.%s[%zu]", key, i);

		s->str[0] = plan_str(b->p, paths->v[i]);
		s->policy = POL_SKIP_ENOENT;
		if (op == OP_MASK && is_directory(paths->v[i]))
			s->flags = STEP_DIR;
	}
}

void plan_masks(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;

	cover(b, OP_READONLY, "readonlyPaths", &l->readonly_paths);
	if (l->masked_paths.n)
		plan_init(b->p, OP_MASKS, "linux.maskedPaths")->slot[0] = SLOT_MASKS;
	cover(b, OP_MASK, "maskedPaths", &l->masked_paths);
}
