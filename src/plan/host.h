/*
 * Host facts: what a plan depends on besides the configuration. runtime/probe.c fills them on the real
 * machine; tests write them by hand, so every machine can be planned for on every other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/schema.h"

/* Controllers, as bits: the v1 hierarchies' names and v2's cgroup.controllers. */
enum controller {
	CT_CPU = 1 << 0,
	CT_CPUACCT = 1 << 1,
	CT_CPUSET = 1 << 2,
	CT_MEMORY = 1 << 3,
	CT_IO = 1 << 4,
	CT_PIDS = 1 << 5,
	CT_DEVICES = 1 << 6,
	CT_FREEZER = 1 << 7,
	CT_HUGETLB = 1 << 8,
	CT_NET_CLS = 1 << 9,
	CT_NET_PRIO = 1 << 10,
	CT_PERF = 1 << 11,
	CT_RDMA = 1 << 12,
	CT_MISC = 1 << 13,
	CT_SYSTEMD = 1 << 14, /* the named v1 hierarchy name=systemd */
	CT_OTHER = 1 << 15,   /* any other named v1 hierarchy */
};
/* Marks controllers of a cgroup.make step that a limit depends on. */
#define CT_REQUIRED(controllers) ((uint32_t)(controllers) << 16)

enum cgroup_mode { CGM_NONE, CGM_V2, CGM_V1, CGM_HYBRID };

/* One mounted hierarchy. */
struct hierarchy {
	/* v1: what is mounted here; v2: cgroup.controllers of the mount's root */
	uint32_t controllers;
	bool v2;
	const char *mount; /* "/sys/fs/cgroup/memory" */
	const char *name;  /* v1: last part of mount, "cpu,cpuacct"; v2: "" */
	/* The caller's cgroup in it, "/" or "/a/b", below the mount's root. */
	const char *own;
	/* v1: what mount(8) shows, "cpu,cpuacct" or "none,name=systemd". */
	const char *options;
};

#define HIERARCHIES_MAX 20

struct host {
	uint32_t kernel_major, kernel_minor;
	uint32_t euid, egid;
	bool own_userns;   /* the caller is not in the initial user namespace */
	uint64_t caps;     /* permitted capabilities of the caller, as bits */
	uint32_t cap_last; /* highest capability that the kernel knows */
	enum cgroup_mode cgroup_mode;
	struct hierarchy hierarchies[HIERARCHIES_MAX];
	size_t n_hierarchies;
	bool has_time_ns, has_cgroup_ns, has_user_ns;
	bool has_apparmor, has_selinux;
	bool has_swap; /* memory.swap.max / memory.memsw.* exist */
	bool no_setgroups; /* /proc/self/setgroups is "deny": nobody in the caller's user namespace has groups */
	bool newuidmap;   /* newuidmap and newgidmap are installed */
	const char *arch; /* "x86_64", "aarch64" */
	/* Per mount: what the source links to, if its option copy-symlink asks; NULL: none does. */
	const char *const *links;
	const char *resctrl; /* where it is mounted, NULL = nowhere */
	/* The caller's environment, as far as a plan depends on it. */
	uint32_t listen_fds; /* LISTEN_FDS, 0 when not ours */
	const char *listen_fdnames, *notify_socket;
	/* XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS, where one's own systemd is */
	const char *runtime_dir, *session_bus;
};

/* What a live container's cgroups say, for `update`; not set = no such file. */
struct limits_now {
	/* Bytes; INT64_MAX = no limit. swap: with memory (v1) or alone (v2). */
	struct opt_i64 memory, swap, usage;
	struct opt_i64 quota; /* microseconds; -1 = no limit */
	struct opt_u64 period, burst, rt_period, idle;
	const char *devices; /* v1: devices.list */
};

/* The hierarchy that has one of these controllers, or NULL. */
const struct hierarchy *host_hierarchy(const struct host *h, uint32_t controllers);
const struct hierarchy *host_v2(const struct host *h);
