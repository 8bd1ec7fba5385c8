/* What the files of `skiff check` share. Nothing here changes anything on the host. */
#pragma once

#include "runtime/runtime.h"

struct checker {
	struct job job;
	const struct spec *spec; /* = &job.spec */
	const struct host *host; /* = &job.host */
	struct arena *arena;
	int bundle, rootfs; /* directories, -1 = cannot be opened */
	struct skiff_finding *v;
	size_t n, faults;
};

/* Adds a finding. origin and fix may be NULL. */
void check_add(struct checker *k, bool hint, const char *origin, const char *fix,
	       const char *fmt, ...) __attribute__((cold, format(printf, 5, 6)));
/* The JSON path of an element; lives as long as the context. */
const char *check_path(struct checker *k, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A fault was found at this path or at one above it. */
bool check_is_known(const struct checker *k, const char *origin);
/* Opens a path of the container below its root file system as a process in it would find
 * it. -errno. */
int check_open(const struct checker *k, const char *path, int flags);

/* Some mount will stand where this path of the container leads. */
bool check_is_covered(const struct checker *k, const char *path);

void check_kernel(struct checker *k); /* check_host.c */
void check_identity(struct checker *k);
void check_labels(struct checker *k);
void check_sysctls(struct checker *k);
void check_net(struct checker *k);         /* check_devices.c */
void check_controllers(struct checker *k); /* check_cgroup.c */
void check_cgroups(struct checker *k);     /* needs the plan */
void check_root(struct checker *k);        /* check_files.c */
void check_mounts(struct checker *k);
void check_device_nodes(struct checker *k);
void check_filesystems(struct checker *k); /* check_kinds.c */
void check_namespace_files(struct checker *k);
void check_cpus(struct checker *k);
void check_program(struct checker *k); /* check_program.c */
void check_hooks(struct checker *k);   /* check_hooks.c */
void check_terminal(struct checker *k);
void check_limits(struct checker *k); /* check_rights.c */
void check_capabilities(struct checker *k);
void check_filter(struct checker *k);
