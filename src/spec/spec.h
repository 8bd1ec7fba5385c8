/*
 * The OCI runtime configuration (runtime-spec 1.3, Linux) as plain structs, and the
 * tables that load and print them. See json/schema.h for how absence is told. Comments
 * give the section of the specification.
 */
#pragma once

#include "base/err.h"
#include "json/load.h"
#include "json/schema.h"

/* clang-format off */
/* Order is that of enum use in plan/; values index tables there. */
enum ns_type { NS_NONE, NS_PID, NS_NET, NS_MNT, NS_IPC, NS_UTS, NS_USER, NS_CGROUP, NS_TIME, NS_COUNT };

enum rootfs_prop { PROP_NONE, PROP_SHARED, PROP_SLAVE, PROP_PRIVATE, PROP_UNBINDABLE };

struct id_map { uint32_t container_id, host_id, size; };          /* config-linux: User namespace mappings */
typedef LIST(struct id_map) id_maps;

struct box { uint32_t height, width; };
struct user {
	uint32_t uid, gid;
	struct opt_u64 umask;
	LIST(uint32_t) additional_gids;
	char *username;
};
struct rlimit_spec { int type; uint64_t soft, hard; };            /* type = RLIMIT_* */
/* Capability numbers; unknown words are left out with a note, as the specification
 * asks. */
typedef LIST(int) caps;
struct capabilities { caps bounding, effective, inheritable, permitted, ambient; };
struct scheduler {
	int policy;  /* SCHED_* */
	struct opt_i64 nice, priority;
	LIST(int) flags;  /* SCHED_FLAG_* bits */
	struct opt_u64 runtime, deadline, period;
};
struct io_priority { int class; int64_t priority; };
struct cpu_affinity { char *initial, *final; };

struct process {                                                  /* config: Process */
	bool terminal;
	struct box *console_size;
	struct user user;
	strs args, env;
	char *command_line;
	char *cwd;
	struct capabilities *capabilities;
	LIST(struct rlimit_spec) rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	struct opt_i64 oom_score_adj;
	struct scheduler *scheduler;
	char *selinux_label;
	struct io_priority *io_priority;
	struct cpu_affinity *exec_cpu_affinity;
};

struct root { char *path; bool readonly; };
struct mount {                                                    /* config: Mounts */
	char *destination, *type, *source;
	strs options;
	id_maps uid_mappings, gid_mappings;
};

struct mount_file { LIST(struct mount) mounts; };                 /* of `mounts add` */

struct hook { char *path; strs args, env; struct opt_i64 timeout; };  /* timeout in seconds */
typedef LIST(struct hook) hook_list;
enum hook_kind {
	HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER, HOOK_POSTSTART, HOOK_POSTSTOP,
	HOOK_KINDS
};
struct hooks { hook_list of[HOOK_KINDS]; };

struct ns { int type; char *path; };
struct device {                                                   /* config-linux: Devices */
	char *path;
	char *type;  /* "c", "b", "u" or "p" */
	struct opt_i64 major, minor;
	struct opt_u64 file_mode;
	struct opt_u64 uid, gid;
};
struct device_rule {                                              /* config-linux: Device allowed list */
	bool allow;
	char *type;  /* "a", "c", "b"; NULL = a */
	struct opt_i64 major, minor;  /* absent or negative = all */
	char *access;  /* of "rwm"; NULL or "" = all */
};

struct hugepage { char *page_size; uint64_t limit; };
struct memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};
struct cpu {
	struct opt_u64 shares, period, realtime_period, burst;
	struct opt_i64 quota, realtime_runtime, idle;
	char *cpus, *mems;
};
struct pids { struct opt_i64 limit; };
struct weight_device { int64_t major, minor; struct opt_u64 weight, leaf_weight; };
struct throttle_device { int64_t major, minor; uint64_t rate; };
typedef LIST(struct throttle_device) throttles;
struct block_io {
	struct opt_u64 weight, leaf_weight;
	LIST(struct weight_device) weight_device;
	throttles read_bps, write_bps, read_iops, write_iops;
};
struct net_priority { char *name; uint32_t priority; };
struct network { struct opt_u64 class_id; LIST(struct net_priority) priorities; };
struct rdma { char *name; struct opt_u64 hca_handles, hca_objects; };
struct resources {                                                /* config-linux: Control groups */
	LIST(struct device_rule) devices;
	struct memory *memory;
	struct cpu *cpu;
	struct pids *pids;
	struct block_io *block_io;
	LIST(struct hugepage) hugepage_limits;
	struct network *network;
	LIST(struct rdma) rdma;
	pairs unified;
};

struct seccomp_arg { uint32_t index; uint64_t value, value_two; int op; };  /* op = enum scmp_compare */
struct seccomp_rule {
	strs names;
	int action;              /* enum sc_action */
	struct opt_u64 errno_ret;
	LIST(struct seccomp_arg) args;
};
enum sc_action {
	SC_KILL_PROCESS, SC_KILL_THREAD, SC_TRAP, SC_ERRNO, SC_NOTIFY, SC_TRACE, SC_ALLOW, SC_LOG,
};
struct seccomp {                                                  /* config-linux: Seccomp */
	int default_action;
	struct opt_u64 default_errno_ret;
	LIST(char *) architectures;   /* "SCMP_ARCH_X86_64" ... */
	LIST(int) flags;              /* SECCOMP_FILTER_FLAG_* bits */
	char *listener_path, *listener_metadata;
	LIST(struct seccomp_rule) syscalls;
};

struct time_offset { char *clock; int64_t secs; uint32_t nanosecs; };  /* clock: "monotonic", "boottime" */
struct net_device { char *host_name, *name; };
struct intel_rdt {
	char *clos_id, *l3_cache_schema, *mem_bw_schema;
	strs schemata;
	bool enable_cmt, enable_mbm, enable_monitoring;
};
struct memory_policy { int mode; char *nodes; LIST(int) flags; };  /* MPOL_* */
struct personality { int domain; strs flags; };                   /* PER_* */

struct linux_config {                                             /* config-linux */
	id_maps uid_mappings, gid_mappings;
	pairs sysctl;
	struct resources *resources;
	char *cgroups_path;
	LIST(struct ns) namespaces;
	LIST(struct device) devices;
	LIST(struct net_device) net_devices;
	struct seccomp *seccomp;
	int rootfs_propagation;
	strs masked_paths, readonly_paths;
	char *mount_label;
	struct intel_rdt *intel_rdt;
	struct memory_policy *memory_policy;
	struct personality *personality;
	LIST(struct time_offset) time_offsets;
};

struct spec {                                                     /* config */
	char *oci_version;
	struct root *root;
	struct process *process;
	char *hostname, *domainname;
	LIST(struct mount) mounts;
	struct hooks *hooks;
	pairs annotations;
	struct linux_config *linux_;
};

/* clang-format on */

extern const struct type spec_type, process_type, resources_type, device_rule_type,
	hook_type, mount_file_type;

/* Name tables of spec/enums.c; the words of the specification. */
extern const struct name ns_names[], prop_names[], rlimit_names[], sched_policy_names[],
	sched_flag_names[], ioprio_names[], sc_action_names[], sc_op_names[],
	sc_flag_names[], personality_names[], mpol_names[], mpol_flag_names[],
	hook_names[];
/* enum sc_action -> SECCOMP_RET_* */
extern const uint32_t sc_action_values[];
/* Capability words, "CAP_CHOWN" -> number; a test compares them with libcap's. */
const struct name *cap_names(void);

/* Loads config.json (any name) from the bundle directory. */
int spec_load_file(int dirfd, const char *name, struct arena *arena,
		   const struct json_notes *notes, struct spec *ret, char **ret_text,
		   size_t *ret_len, struct err *e);
/* The same from text. */
int spec_load(const char *text, size_t n, const char *name, struct arena *arena,
	      const struct json_notes *notes, struct spec *ret, struct err *e);

/* spec/check.c: rules that span fields, each with the JSON path it is about. Ends at the
 * first fault when `all` is NULL, else calls all->fault for each. 0 or -1. */
int spec_check(const struct spec *s, const struct json_notes *all, struct err *e);
/* The part of spec_check about one process, for `exec`; prefix is "process" or "". */
int spec_check_process(const struct process *p, const char *prefix,
		       const struct json_notes *all, struct err *e);

/* The same for resources, for `update`; prefix is "linux.resources" or "". */
int spec_check_resources(const struct resources *r, const char *prefix,
			 const struct json_notes *all, struct err *e);
/* The same for the mounts alone. */
int spec_check_mounts(const struct spec *s, struct err *e);
/* The file of a kernel parameter below /proc/sys: "net.ipv4.ip_forward" and
 * "net/ipv4/ip_forward", by the rules of sysctl(8). False when it is no name of one. */
bool spec_sysctl_path(const char *key, char *ret, size_t size);

/* spec/default.c: what `skiff spec` prints. rootless: a user namespace with the caller as
 * root, no network namespace (nobody could connect it), no limits. */
struct spec_template {
	bool rootless, cgroup_ns;
	uint32_t uid, gid; /* rootless: the caller's */
};
void spec_default(const struct spec_template *t, struct arena *arena, struct spec *ret);

/* Small questions asked in many places. */
const struct ns *spec_ns(const struct spec *s, int type); /* NULL when not listed */
/* Where seccomp's listener goes: listenerPath, or what crun's annotation says; NULL = nowhere. */
const char *spec_listener_path(const struct spec *s);
const char *spec_annotation(const struct spec *s, const char *key);
