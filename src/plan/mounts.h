/* What the builders of mounts share: mounts*.c, idmap.c, and who else binds something. */
#pragma once

#include "plan/mount_options.h"
#include "plan/parts.h"

/* mounts.c, mounts_cgroup.c */
int plan_mount_cgroup(struct build *b, size_t i, const char *path,
		      const struct mount_wish *w);
/* i = index of the mount in the configuration, path = where it goes, cleaned */
struct step *part_target(struct build *b, size_t i, const char *path, unsigned flags);
struct step *part_fs(struct build *b, size_t i, const char *type, const char *source);
/* What is made anew as a symbolic link instead of being bound (copy-symlink), or NULL. */
const char *part_link(const struct build *b, size_t i);
void part_attach(struct build *b, size_t i, int slot, const char *path);
void part_bind_attr(struct build *b, size_t i, int slot, const struct mount_wish *w);
/* Clones a path of the host, on the side that can; returns the slot. origin "" = none. */
int part_source(struct build *b, const char *path, unsigned flags, const char *origin);
/* The same into a slot of the caller's. */
void part_source_at(struct build *b, int slot, const char *path, unsigned flags,
		    const char *origin);

/* live.c: takes the mount of a running container that path lies in; b->below says how much of path leads there */
void part_enter_mount(struct build *b, size_t i, const char *path);

/* idmap.c: idmapped mounts */
/* The slot of mount i's source if it is idmapped, else a new one. */
int part_idmap_slot(struct build *b, size_t i);
/* HOST, behind the source: the mapping, unless it has to wait for the new user namespace. */
void part_idmap(struct build *b, size_t i);
