/*
 * Device nodes and links, by handles: a link in place of a node is never followed, and
 * what is there already must be that very device.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "init/stat.h"

/* The two dev_t that a libc packs and unpacks; the kernel's own form has the same low
 * 32 bits. */
static uint32_t dev_major(uint64_t dev)
{
	return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffull));
}

static uint32_t dev_minor(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | (dev >> 12 & ~0xffull));
}

static int check_node(int dir, const char *name, const struct step *s)
{
	struct statx st;
	int r = (int)sys_statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_TYPE,
			       &st);
	uint32_t type = s->word[0] & S_IFMT;

	if (r < 0)
		return r;
	if ((st.stx_mode & S_IFMT) != type)
		return -EEXIST;
	if ((type == S_IFCHR || type == S_IFBLK) &&
	    (st.stx_rdev_major != dev_major(s->word[1]) ||
	     st.stx_rdev_minor != dev_minor(s->word[1])))
		return -EEXIST;
	return 0;
}

static int bind_node(struct init *c, int dir, const char *name, const struct step *s)
{
	int fd = path_place(c, dir, name);

	if (fd < 0)
		return fd;
	return mount_onto(c, s->slot[1] < 0 ? -1 : c->slots[s->slot[1]], fd);
}

/* A device cgroup around us may forbid mknod: the host's node, if it is that device. */
static int bind_hosts(struct init *c, int dir, const char *name, const struct step *s)
{
	char path[INIT_NAME_MAX + 8];
	int from, place, r;

	r = (int)text_add(path, sizeof(path), 0, s->slot[0] == SLOT_DEV ? "/dev/" : "");
	if (text_add(path, sizeof(path), (size_t)r, str(c, s->str[0])) == sizeof(path))
		return -ENAMETOOLONG;
	from = fds_note(c,
			sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	r = from < 0 ? from : check_node(from, "", s);
	/* What forbids it is worth more than what is missing here. */
	if (r < 0)
		return -EPERM;
	place = path_place(c, dir, name);
	return place < 0 ? place : mount_bind(c, from, place);
}

int op_node(struct init *c, const struct step *s)
{
	int dir = fds_slot(c, s->slot[0]), r;
	char name[INIT_NAME_MAX + 1];

	if (dir < 0)
		return dir;
	dir = path_parent(c, dir, c->strings + s->str[0], 0755, name);
	if (dir < 0)
		return dir;
	if (s->flags & STEP_IN_USERNS)
		return bind_node(c, dir, name, s);
	r = (int)sys_mknodat(dir, name, (unsigned)s->word[0], (unsigned)s->word[1]);
	if (r == -EEXIST)
		return check_node(dir, name, s);
	if (r == -EPERM)
		return bind_hosts(c, dir, name, s);
	if (r < 0 || !s->word[2])
		return r;
	return (int)sys_fchownat(dir, name, (uint32_t)(s->word[2] >> 32),
				 (uint32_t)s->word[2], AT_SYMLINK_NOFOLLOW);
}

/* A link that is there must lead to the same place. */
static int check_link(int dir, const char *name, const char *target)
{
	char text[INIT_PATH_MAX];
	long n = sys_readlinkat(dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -EEXIST;
	text[n] = '\0';
	return text_is(text, target) ? 0 : -EEXIST;
}

int op_link(struct init *c, const struct step *s)
{
	char name[INIT_NAME_MAX + 1];
	const char *target = str(c, s->str[1]);
	int dir = fds_slot(c, s->slot[0]), r;

	if (dir >= 0)
		dir = path_parent(c, dir, c->strings + s->str[0], 0755, name);
	r = dir < 0 ? dir : (int)sys_symlinkat(target, dir, name);
	if (r != -EEXIST)
		return r;
	/* In /dev what is there already will do. */
	return s->slot[0] == SLOT_ROOTFS ? check_link(dir, name, target) : 0;
}
