/* Names and mounts inside the container's root. */
#pragma once

#include "init/init.h"

/* uncover.c: the directory that we are in becomes the root, over the old one */
int root_cover(struct init *c);

/* path.c: names inside the root */
int path_open(struct init *c, int dir, const char *path, uint64_t flags,
	      uint64_t resolve);
/* The directory of the path's last part, made with its parents; the part itself goes
 * to ret_name. */
int path_parent(struct init *c, int dir, char *path, unsigned mode,
		char ret_name[INIT_NAME_MAX + 1]);
int path_mkdir(struct init *c, int dir, const char *name, unsigned mode);
int path_mkfile(struct init *c, int dir, const char *name, unsigned mode);
/* A file to mount a device on, made if missing; what is there must be no link and no
 * directory. */
int path_place(struct init *c, int dir, const char *name);
bool path_in_dir(const char *path, const char *dir, size_t dir_len);
size_t path_dir_len(const char *path);
/* The file type of a descriptor (S_IF*), or -errno. */
int path_type(int fd);

/* mount.c, classic.c */
/* Puts a slot's mount (or plain descriptor) on the target. */
int mount_onto(struct init *c, int slot_value, int target);
/* Binds what a descriptor is open on. */
int mount_bind(struct init *c, int from, int target);
int mount_attr_set(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool rec);
/* Another way has to do: never in a running container, whose /proc it would need. */
bool mount_is_refused(const struct init *c, long r);
/* Carries out the attribute changes that had to wait for the mount at fd to be in its
 * place. */
int mount_finish(struct init *c, int fd);
unsigned long classic_flags(uint64_t attr);
int classic_bind(int from, int to, bool rec);
/* The flags that a mount has, for mount(2). */
long classic_kept_flags(int fd);
int classic_remount(int fd, uint64_t set, uint64_t clear);
/* OP_FS s mounted on target at once; at its OP_ATTACH s, with what had to wait for it. */
int classic_fs(struct init *c, const struct step *s, int target);
int classic_fs_late(struct init *c, const struct step *s, int target);
int copy_tree(int from, int to, int depth);
