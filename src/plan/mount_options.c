/*
 * Mount options (runtime-spec 1.3, "Linux mount options"; and what runc and crun take besides): one table
 * that the plan, `features` and the manual use. Options that are not here belong to the file system.
 */
#include "plan/mount_options.h"

#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define MS_IVERSION     (1u << 23)
#define MS_LAZY_TIME    (1u << 25)
#define MS_NO_SYMFOLLOW 256u
#define SUPER_FLAGS \
	(MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_SILENT | MS_IVERSION | \
	 MS_LAZY_TIME)

#define ATTR(n, a, m, h) \
	{ \
		n, MOPT_ATTR, false, false, a, m, h \
	}
#define ATTR_OFF(n, a, m, h) \
	{ \
		n, MOPT_ATTR, true, false, a, m, h \
	}
#define REC(n, a, h) \
	{ \
		n, MOPT_REC, false, true, a, 0, h \
	}
#define REC_OFF(n, a, h) \
	{ \
		n, MOPT_REC, true, true, a, 0, h \
	}
#define SUPER(n, m, h) \
	{ \
		n, MOPT_SUPER, false, false, 0, m, h \
	}
#define SUPER_OFF(n, m, h) \
	{ \
		n, MOPT_SUPER, true, false, 0, m, h \
	}
#define NOTHING(n, m, h) \
	{ \
		n, MOPT_NONE, false, false, 0, m, h \
	}
#define PROP(n, r, m, h) \
	{ \
		n, MOPT_PROPAGATION, false, r, 0, m, h \
	}
#define OTHER(n, k, r, m, h) \
	{ \
		n, k, false, r, 0, m, h \
	}

/* Setting one access time mode clears the others: relatime, the kernel's default, is the absence of both. */
#define ATIME_DEFAULT MOUNT_ATTR__ATIME

/* clang-format off */
const struct mount_option mount_options[] = {
	SUPER_OFF("async", MS_SYNCHRONOUS, "writes are not synchronous"),
	ATTR_OFF("atime", ATIME_DEFAULT, MS_NOATIME, "access times as the kernel does by default"),
	OTHER("bind", MOPT_BIND, false, MS_BIND, "the source is a file or directory"),
	OTHER("copy-symlink", MOPT_COPY_LINK, false, 0, "a source that is a symbolic link is made anew as such a link"),
	NOTHING("defaults", 0, "rw, suid, dev, exec, async"),
	OTHER("dest-nofollow", MOPT_DEST_NOFOLLOW, false, 0, "a destination that is a symbolic link is covered itself"),
	ATTR_OFF("dev", MOUNT_ATTR_NODEV, MS_NODEV, "device nodes work"),
	ATTR_OFF("diratime", MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, "access times of directories"),
	SUPER("dirsync", MS_DIRSYNC, "synchronous changes of directories"),
	ATTR_OFF("exec", MOUNT_ATTR_NOEXEC, MS_NOEXEC, "programs may be executed"),
	OTHER("idmap", MOPT_IDMAP, false, 0, "maps the owners of files"),
	SUPER("iversion", MS_IVERSION, "counts changes of inodes, where the file system does not anyway"),
	SUPER("lazytime", MS_LAZY_TIME, "times are kept in memory and written later"),
	SUPER_OFF("loud", MS_SILENT, "kernel messages about the mount, the default"),
	SUPER("mand", MS_MANDLOCK, "mandatory locks; without effect since Linux 5.15"),
	ATTR("noatime", MOUNT_ATTR_NOATIME, MS_NOATIME, "no access times"),
	ATTR("nodev", MOUNT_ATTR_NODEV, MS_NODEV, "device nodes do not work"),
	ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, "no access times of directories"),
	ATTR("noexec", MOUNT_ATTR_NOEXEC, MS_NOEXEC, "no program is executed from here"),
	SUPER_OFF("noiversion", MS_IVERSION, "does not count changes of inodes, the default"),
	SUPER_OFF("nolazytime", MS_LAZY_TIME, "times are written as they change"),
	SUPER_OFF("nomand", MS_MANDLOCK, "no mandatory locks"),
	ATTR_OFF("norelatime", ATIME_DEFAULT, MS_RELATIME, "access times as the kernel does by default"),
	ATTR_OFF("nostrictatime", ATIME_DEFAULT, MS_STRICTATIME, "access times as the kernel does by default"),
	ATTR("nosuid", MOUNT_ATTR_NOSUID, MS_NOSUID, "set-user-id and file capabilities do not count"),
	ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, MS_NO_SYMFOLLOW, "symbolic links are not followed"),
	PROP("private", false, MS_PRIVATE, "mounts do not travel"),
	SUPER_OFF("rasync", MS_SYNCHRONOUS, "async"),
	REC_OFF("ratime", ATIME_DEFAULT, "atime for the whole tree"),
	OTHER("rbind", MOPT_BIND, true, MS_BIND | MS_REC, "the source with all mounts below it"),
	REC_OFF("rdev", MOUNT_ATTR_NODEV, "dev for the whole tree"),
	REC_OFF("rdiratime", MOUNT_ATTR_NODIRATIME, "diratime for the whole tree"),
	SUPER("rdirsync", MS_DIRSYNC, "dirsync"),
	ATTR("relatime", 0, MS_RELATIME, "access times are written when older than the change, the default"),
	OTHER("remount", MOPT_REMOUNT, false, MS_REMOUNT, "changes a mount that is there already"),
	REC_OFF("rexec", MOUNT_ATTR_NOEXEC, "exec for the whole tree"),
	OTHER("ridmap", MOPT_IDMAP, true, 0, "idmap for the whole tree"),
	SUPER("rmand", MS_MANDLOCK, "mand"),
	REC("rnoatime", MOUNT_ATTR_NOATIME, "noatime for the whole tree"),
	REC("rnodev", MOUNT_ATTR_NODEV, "nodev for the whole tree"),
	REC("rnodiratime", MOUNT_ATTR_NODIRATIME, "nodiratime for the whole tree"),
	REC("rnoexec", MOUNT_ATTR_NOEXEC, "noexec for the whole tree"),
	REC_OFF("rnorelatime", ATIME_DEFAULT, "norelatime for the whole tree"),
	REC_OFF("rnostrictatime", ATIME_DEFAULT, "nostrictatime for the whole tree"),
	REC("rnosuid", MOUNT_ATTR_NOSUID, "nosuid for the whole tree"),
	REC("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow for the whole tree"),
	ATTR("ro", MOUNT_ATTR_RDONLY, MS_RDONLY, "read-only"),
	PROP("rprivate", true, MS_PRIVATE | MS_REC, "private for the whole tree"),
	REC("rrelatime", 0, "relatime for the whole tree"),
	REC("rro", MOUNT_ATTR_RDONLY, "ro for the whole tree"),
	REC_OFF("rrw", MOUNT_ATTR_RDONLY, "rw for the whole tree"),
	PROP("rshared", true, MS_SHARED | MS_REC, "shared for the whole tree"),
	PROP("rslave", true, MS_SLAVE | MS_REC, "slave for the whole tree"),
	REC("rstrictatime", MOUNT_ATTR_STRICTATIME, "strictatime for the whole tree"),
	REC_OFF("rsuid", MOUNT_ATTR_NOSUID, "suid for the whole tree"),
	REC_OFF("rsymfollow", MOUNT_ATTR_NOSYMFOLLOW, "symfollow for the whole tree"),
	SUPER("rsync", MS_SYNCHRONOUS, "sync"),
	PROP("runbindable", true, MS_UNBINDABLE | MS_REC, "unbindable for the whole tree"),
	ATTR_OFF("rw", MOUNT_ATTR_RDONLY, MS_RDONLY, "may be written"),
	PROP("shared", false, MS_SHARED, "mounts travel both ways"),
	SUPER("silent", MS_SILENT, "no kernel messages about the mount"),
	PROP("slave", false, MS_SLAVE, "mounts travel from the host only"),
	OTHER("src-nofollow", MOPT_NOFOLLOW, false, 0, "a source that is a symbolic link is mounted itself"),
	ATTR("strictatime", MOUNT_ATTR_STRICTATIME, MS_STRICTATIME, "access times are always written"),
	ATTR_OFF("suid", MOUNT_ATTR_NOSUID, MS_NOSUID, "set-user-id and file capabilities count"),
	ATTR_OFF("symfollow", MOUNT_ATTR_NOSYMFOLLOW, MS_NO_SYMFOLLOW, "symbolic links are followed"),
	SUPER("sync", MS_SYNCHRONOUS, "writes are synchronous"),
	OTHER("tmpcopyup", MOPT_COPY_UP, false, 0, "a tmpfs begins with the image's files of that directory"),
	PROP("unbindable", false, MS_UNBINDABLE, "private, and cannot be bound elsewhere"),
	{ NULL }
};
/* clang-format on */

enum { N_OPTIONS = sizeof(mount_options) / sizeof(mount_options[0]) - 1 };

static int by_name(const void *name, const void *option)
{
	return strcmp(name, ((const struct mount_option *)option)->name);
}

const struct mount_option *mount_option_find(const char *name)
{
	return bsearch(name, mount_options, N_OPTIONS, sizeof(mount_options[0]), by_name);
}

/* One attribute into a pair of words: what is set and what is cleared; the later option wins. */
static void change(const struct mount_option *o, uint64_t *set, uint64_t *clear)
{
	bool atime = o->attr & MOUNT_ATTR__ATIME || !o->attr;

	if (atime) {
		*clear |= MOUNT_ATTR__ATIME;
		*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	}
	if (o->off) {
		*clear |= o->attr;
		*set &= ~(uint64_t)o->attr;
		return;
	}
	*set |= o->attr;
	if (!atime)
		*clear &= ~(uint64_t)o->attr;
}

/* mount(2) takes every flag in one word, for `remount`. */
static void change_ms(const struct mount_option *o, uint32_t *ms)
{
	if (o->kind == MOPT_PROPAGATION)
		return;
	if (o->off)
		*ms &= ~o->ms;
	else
		*ms |= o->ms;
}

static void read_option(const struct mount_option *o, struct mount_wish *w)
{
	change_ms(o, &w->ms);
	switch ((enum mount_option_kind)o->kind) {
	case MOPT_NONE:
		break;
	case MOPT_ATTR:
		change(o, &w->set, &w->clear);
		break;
	case MOPT_REC:
		change(o, &w->rec_set, &w->rec_clear);
		break;
	case MOPT_SUPER:
		w->super = w->ms & SUPER_FLAGS;
		break;
	case MOPT_PROPAGATION:
		w->propagation = o->ms & ~(uint32_t)MS_REC;
		break;
	case MOPT_BIND:
		w->bind = true;
		w->rec |= o->rec;
		break;
	case MOPT_REMOUNT:
		w->remount = true;
		break;
	case MOPT_COPY_UP:
		w->copy_up = true;
		break;
	case MOPT_NOFOLLOW:
		w->nofollow = true;
		break;
	case MOPT_DEST_NOFOLLOW:
		w->dest_nofollow = true;
		break;
	case MOPT_COPY_LINK:
		w->copy_link = true;
		break;
	case MOPT_IDMAP:
		w->idmap = true;
		w->idmap_rec = o->rec;
		break;
	}
}

bool mount_option_is_idmap(const char *text)
{
	const char *word = *text == 'r' ? text + 1 : text;

	return !strncmp(word, "idmap", 5) && (!word[5] || word[5] == '=');
}

/* "idmap=uids=..." */
static void read_idmap(const char *text, struct mount_wish *w)
{
	w->idmap = true;
	w->idmap_rec = *text == 'r';
	w->idmap_text = strchr(text, '=') + 1;
}

void mount_options_read(const strs *options, struct arena *arena, struct mount_wish *ret)
{
	*ret = (struct mount_wish){ .data.v = arena_array(arena, options->n + 2,
							  sizeof(char *)) };
	for (size_t i = 0; i < options->n; i++) {
		char *text = options->v[i];
		const struct mount_option *o = mount_option_find(text);

		if (o)
			read_option(o, ret);
		else if (mount_option_is_idmap(text))
			read_idmap(text, ret);
		else if (*text) /* Buildah's lists may have empty ones. */
			ret->data.v[ret->data.n++] = text;
	}
}
