/*
 * Mounts by descriptors: fsopen, open_tree, mount_setattr, move_mount. No name of the
 * container is resolved while a mount is put in its place, so nobody can swap it.
 * classic.c has what stands in where a call is refused.
 */
#include "init/files.h"
#include "init/stat.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

/* Flags that fsconfig has no word for. */
#define ONLY_CLASSIC   (MS_SILENT | MS_I_VERSION)

#define EMPTY_TO_EMPTY (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

/* Not there (an old kernel), or hidden by a system call filter around us. */
bool mount_is_refused(const struct init *c, long r)
{
	return !c->live && (r == -ENOSYS || r == -EPERM);
}

int mount_onto(struct init *c, int slot_value, int target)
{
	long r;

	if (slot_value < 0)
		return -EBADF;
	if (slot_value & SLOT_PLAIN)
		return classic_bind(slot_value & ~SLOT_PLAIN, target,
				    c->step->flags & STEP_REC);
	r = sys_move_mount(slot_value, "", target, "", EMPTY_TO_EMPTY);
	return (int)r;
}

int mount_bind(struct init *c, int from, int target)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	int tree = c->classic ? -ENOSYS : fds_note(c, sys_open_tree(from, "", flags));

	if (mount_is_refused(c, tree))
		return classic_bind(from, target, false);
	return tree < 0 ? tree : mount_onto(c, tree, target);
}

int mount_attr_set(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool rec)
{
	struct mount_attr attr = { .attr_set = set,
				   .attr_clr = clear,
				   .propagation = propagation };
	unsigned flags = AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0);

	return (int)sys_mount_setattr(fd, "", flags, &attr, sizeof(attr));
}

/* "key=value" is cut for a moment: the strings are init's own copy. */
static long configure(int fs, char *option)
{
	char *value = option;
	long r;

	while (*value && *value != '=')
		value++;
	if (!*value)
		return sys_fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	*value = '\0';
	r = sys_fsconfig(fs, FSCONFIG_SET_STRING, option, value + 1, 0);
	*value = '=';
	return r;
}

/* The kernel's own words about a failure: "e tmpfs: Unknown parameter 'x'". */
static void take_log(struct init *c, int fs)
{
	long n = sys_read(fs, c->detail_text, sizeof(c->detail_text) - 1);

	if (n <= 2)
		return;
	if (c->detail_text[n - 1] == '\n')
		n--;
	c->detail_text[n] = '\0';
	c->detail = c->detail_text + (c->detail_text[1] == ' ' ? 2 : 0);
}

/* Nothing is to be done between making the file system and attaching it. */
static bool goes_straight(const struct init *c, const struct step *s)
{
	const struct step *next = s + 1;

	return !c->live && next < c->steps + c->flat->n_steps && next->op == OP_ATTACH &&
	       next->slot[0] == SLOT_MOUNT && next->slot[1] == SLOT_TARGET;
}

/* The file system's flags, which mount(2) has as bits. */
static long set_flags(int fs, uint64_t flags)
{
	static const struct {
		unsigned flag;
		char name[12];
	} names[] = { { MS_SYNCHRONOUS, "sync" },
		      { MS_DIRSYNC, "dirsync" },
		      { MS_MANDLOCK, "mand" },
		      { MS_LAZYTIME, "lazytime" } };
	long r = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && r >= 0; i++)
		if (flags & names[i].flag)
			r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, names[i].name, NULL, 0);
	return r;
}

static long fs_make(struct init *c, const struct step *s, int fs)
{
	char *option = c->strings + s->word[1];
	const char *source = str(c, s->str[1]);
	long r = 0;

	if (*source)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0);
	if (r >= 0)
		r = set_flags(fs, s->word[0] >> 32);
	for (uint64_t i = 0; i < s->word[2] && r >= 0; i++) {
		r = configure(fs, option);
		option += text_len(option) + 1;
	}
	/* mount(2) would make the file system itself read-only, too. */
	if (r >= 0 && s->word[0] & MOUNT_ATTR_RDONLY && goes_straight(c, s))
		r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		return sys_fsmount(fs, FSMOUNT_CLOEXEC, (uint32_t)s->word[0]);
	take_log(c, fs);
	return r;
}

/*
 * mount(2) on the target in hand is two calls where the new ones are five to eight, and
 * as safe: the place is the working directory, not a name. When it fails the new calls
 * have their turn, and say why.
 */
int op_fs(struct init *c, const struct step *s)
{
	bool only = !c->live && s->word[0] >> 32 & ONLY_CLASSIC,
	     straight = goes_straight(c, s);
	long fs, r = straight ? classic_fs(c, s, fds_slot(c, SLOT_TARGET)) : -ENOSYS;

	c->attached = straight && r >= 0;
	if (c->attached || (straight && only))
		return r < 0 ? (int)r : 0;
	fs = c->classic || only ? -ENOSYS : sys_fsopen(str(c, s->str[0]), FSOPEN_CLOEXEC);
	if (only || mount_is_refused(c, fs)) {
		c->fs = s; /* mount(2) needs the place: at ATTACH */
		return 0;
	}
	if (fs < 0)
		return (int)fs;
	fds_note(c, fs);
	r = fds_note(c, fs_make(c, s, (int)fs));
	if (r < 0)
		return (int)r;
	fds_set(c, SLOT_MOUNT, (int)r);
	return 0;
}

int op_tree(struct init *c, const struct step *s)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 (s->flags & STEP_REC ? AT_RECURSIVE : 0) |
			 (s->flags & STEP_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	int plain = 0;
	long r;

	if (fds_slot(c, s->slot[0]) >= 0 && !c->classic)
		return 0;
	r = c->classic ? -ENOSYS : sys_open_tree(AT_FDCWD, str(c, s->str[0]), flags);
	if (mount_is_refused(c, r)) {
		int how = O_PATH | O_CLOEXEC |
			  (s->flags & STEP_NOFOLLOW ? O_NOFOLLOW : 0);

		plain = SLOT_PLAIN;
		r = sys_openat(AT_FDCWD, str(c, s->str[0]), how, 0);
	}
	if (fds_note(c, r) < 0)
		return (int)r;
	fds_set(c, s->slot[0], (int)r | plain);
	return 0;
}

/* A change that has to wait until the mount is in its place. */
static int put_off(struct init *c, const struct step *s)
{
	if (s->flags & STEP_REC && s->word[0] | s->word[1])
		return -ENOSYS; /* only mount_setattr changes a whole tree */
	for (int i = 0; i < PENDING_MAX; i++) {
		if (c->pending[i])
			continue;
		c->pending[i] = s;
		return 0;
	}
	return -ENOSYS;
}

int op_mount_attr(struct init *c, const struct step *s)
{
	int fd = fds_slot(c, s->slot[0]), r;

	if (c->fs && s->slot[0] == SLOT_MOUNT)
		return put_off(c, s);
	if (fd < 0)
		return fd;
	if (c->slots[s->slot[0]] & SLOT_PLAIN)
		return put_off(c, s);
	r = mount_attr_set(fd, s->word[0], s->word[1], s->word[2], s->flags & STEP_REC);
	/* In a user namespace, attributes that came with the mount are locked: they
	 * stay, which is stricter. */
	if (r == -EPERM && s->word[1])
		r = mount_attr_set(fd, s->word[0], 0, s->word[2], s->flags & STEP_REC);
	if (!mount_is_refused(c, r))
		return r;
	/* In its place already: it can be changed there. A detached mount cannot. */
	if (!(s->flags & STEP_REC) && !s->word[2]) {
		r = classic_remount(fd, s->word[0], s->word[1]);
		if (r != -EINVAL)
			return r;
	}
	return put_off(c, s);
}

int mount_finish(struct init *c, int fd)
{
	for (int i = 0; i < PENDING_MAX && c->pending[i]; i++) {
		const struct step *s = c->pending[i];
		char path[FD_PATH_SIZE];
		int r = 0;

		c->pending[i] = NULL;
		text_fd_path(path, fd);
		if (s->word[0] | s->word[1])
			r = classic_remount(fd, s->word[0], s->word[1]);
		if (r >= 0 && s->word[2])
			r = (int)sys_mount(
				NULL, path, NULL,
				s->word[2] | (s->flags & STEP_REC ? MS_REC : 0), NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The root of what was mounted last on a target that was found before. */
static int reopen(struct init *c, const struct step *s)
{
	return path_open(c, fds_slot(c, SLOT_ROOTFS), str(c, s->str[0]), O_PATH, 0);
}

/* Later it is known by its id: what its place is called then is the container's choice. */
static int tell_id(struct init *c, int mount)
{
	struct statx st;
	int r = (int)sys_statx(mount, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);

	return r < 0 ? r : talk_tell(c, SYNC_MOUNTED, (int)st.stx_mnt_id);
}

int op_attach(struct init *c, const struct step *s)
{
	int target = fds_slot(c, s->slot[1]), value, r;

	if (target < 0)
		return target;
	if (c->made_in >= 0 && !path_in_dir(str(c, s->str[0]), c->made_path, c->made_len))
		c->made_in = -1; /* that directory may be covered now */
	if (c->attached) {
		c->attached = false;
		return 0;
	}
	if (c->fs && s->slot[0] == SLOT_MOUNT) {
		r = classic_fs_late(c, s, target);
		value = SLOT_PLAIN;
	} else {
		value = s->slot[0] < 0 ? -1 : c->slots[s->slot[0]];
		r = mount_onto(c, value, target);
		if (r >= 0 && c->live)
			r = tell_id(c, value);
	}
	if (r < 0 || !c->pending[0])
		return r;
	if (value & SLOT_PLAIN)
		value = reopen(c, s);
	return value < 0 ? value : mount_finish(c, value);
}

int op_remount(struct init *c, const struct step *s)
{
	char path[FD_PATH_SIZE];
	int target = fds_slot(c, SLOT_TARGET), r;
	unsigned long flags;
	long kept;

	if (target < 0)
		return target;
	text_fd_path(path, target);
	flags = s->word[0] | MS_REMOUNT;
	r = (int)sys_mount(NULL, path, NULL, flags, str(c, s->str[1]));
	/* In a user namespace some of what the mount has is locked: it stays. */
	kept = r == -EPERM ? classic_kept_flags(target) : -EPERM;
	return kept < 0 ? r
			: (int)sys_mount(NULL, path, NULL, flags | (unsigned long)kept,
					 str(c, s->str[1]));
}
