/* The mount options of the runtime specification, and of the runtimes that engines write for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "json/schema.h"

enum mount_option_kind {
	MOPT_NONE, /* accepted, without effect: the kernel's default, or nothing that a new mount knows */
	MOPT_ATTR,  /* attribute of the mount */
	MOPT_REC,   /* attribute of the mount and of all below it */
	MOPT_SUPER, /* flag of the file system; without effect on a bind */
	MOPT_PROPAGATION,
	MOPT_BIND, /* bind, rbind */
	MOPT_REMOUNT,
	MOPT_COPY_UP,  /* fills a new tmpfs with what it covers */
	MOPT_NOFOLLOW, /* the source may be a symbolic link, which is mounted itself */
	MOPT_DEST_NOFOLLOW, /* the destination may be a symbolic link, which is covered itself */
	MOPT_COPY_LINK, /* a source that is a symbolic link is made anew */
	MOPT_IDMAP,
};

struct mount_option {
	const char *name;
	uint8_t kind;
	bool off;      /* clears instead of setting */
	bool rec;      /* rbind, rprivate ...: the whole tree */
	uint32_t attr; /* MOUNT_ATTR_* */
	uint32_t ms;   /* the flag of mount(2): propagation, remount */
	const char *help;
};

/* Ends with a NULL name; sorted. What `features` lists and skiff-config(5) documents. */
extern const struct mount_option mount_options[];

const struct mount_option *mount_option_find(const char *name);
/* "idmap", "ridmap", or one of them with mappings: "idmap=uids=0-1000-1". */
bool mount_option_is_idmap(const char *text);

/* All options of one mount. */
struct mount_wish {
	uint64_t set, clear;         /* MOUNT_ATTR_* of the mount */
	uint64_t rec_set, rec_clear; /* of the whole tree */
	uint32_t propagation;        /* MS_PRIVATE ..., 0 = not asked for */
	uint32_t ms;                 /* the same and more as flags of mount(2) */
	uint32_t super;              /* those of them that are the file system's */
	bool bind, rec, remount, copy_up, nofollow, dest_nofollow, copy_link, idmap,
		idmap_rec;
	const char *idmap_text; /* what follows "idmap=", or NULL */
	strs data; /* for the file system: "key=value" or a word of its own */
};

/* Reads a mount's options; unknown ones are the file system's. */
void mount_options_read(const strs *options, struct arena *arena, struct mount_wish *ret);
