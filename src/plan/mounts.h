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

bool part_is_type(const struct mount *m, const char *type);
const char *part_bind_source(struct build *b, const struct mount *m);
/* What of the host's stands in for a file system that the container may not mount; or NULL. */
const char *part_host_view(const struct build *b, const struct mount *m);

/* mounts_cgroup.c: the clones from the host of which a mount of type cgroup consists. */
struct part_clone {
	const char *dir, *path;
};
const struct part_clone *part_cgroup_clones(struct build *b, const struct mount *m,
					    const char *path, size_t *ret_n);

/* devices_nodes.c: those that are the host's, bound. */
void part_bound_nodes(struct build *b, bool restore,
		      void (*add)(struct build *b, bool restore, const char *path,
				  const char *source, const char *origin));

/* idmap.c: idmapped mounts */
/* The slot of mount i's source if it is idmapped, else a new one. */
int part_idmap_slot(struct build *b, size_t i);
/* HOST, behind the source: the mapping, unless it has to wait for the new user namespace. */
void part_idmap(struct build *b, size_t i);
