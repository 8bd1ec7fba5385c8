/*
 * The features document (runtime-spec features.md, features-linux.md). Engines decide by
 * it what they may ask for, so it says only what works in this build.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "json/print.h"
#include "plan/mount_options.h"
#include "apply/criu.h"
#include "runtime/runtime.h"

/* What works. Whoever adds one of these changes its line here, and nothing else below. */
enum {
	HAS_CGROUP_SYSTEMD = WITH_SYSTEMD,
	HAS_CGROUP_SYSTEMD_USER = WITH_SYSTEMD,
	HAS_CGROUP_RDMA = 1,
	HAS_APPARMOR = 1,
	HAS_SELINUX = 1,
	HAS_INTEL_RDT = 1,
	HAS_INTEL_RDT_SCHEMATA = 1,
	HAS_INTEL_RDT_MONITORING = 1,
	HAS_IDMAP = 1,
	HAS_NET_DEVICES = WITH_NET,
};

/* Annotations of config.json that change what is done; a dot at the end stands for all
 * that begin so. */
static char *const acting_annotations[] = { "run.oci.", "org.systemd.property.",
					    "org.criu.config" };

struct enabled {
	bool enabled;
};
struct policy_features {
	strs modes, flags;
};
struct cgroup_features {
	bool v1, v2, systemd, systemd_user, rdma;
};
struct rdt_features {
	bool enabled, schemata, monitoring;
};
struct seccomp_features {
	bool enabled;
	strs actions, operators, archs, known_flags, supported_flags;
};
struct mount_extensions {
	struct enabled *idmap;
};
struct linux_features {
	strs namespaces, capabilities;
	struct cgroup_features *cgroup;
	struct seccomp_features *seccomp;
	struct enabled *apparmor, *selinux;
	struct rdt_features *intel_rdt;
	struct policy_features *memory_policy;
	struct mount_extensions *mount_extensions;
	struct enabled *net_devices;
};
struct features {
	char *min, *max;
	strs hooks, mount_options;
	struct linux_features *linux_;
	pairs annotations;
	strs unsafe;
};

/* clang-format off */
static const struct field enabled_fields[] = {
	J_BOOL(struct enabled, enabled, "enabled", F_SHOW, "Whether it works."), J_END
};
/* clang-format on */
static const struct type enabled_type = { "enabled", sizeof(struct enabled),
					  enabled_fields };

/* clang-format off */
static const struct field rdt_fields[] = {
	J_BOOL(struct rdt_features, enabled, "enabled", F_SHOW, "Whether it works."),
	J_BOOL(struct rdt_features, schemata, "schemata", F_SHOW, "intelRdt.schemata."),
	J_BOOL(struct rdt_features, monitoring, "monitoring", F_SHOW, "intelRdt.enableMonitoring."),
	J_END
};
/* clang-format on */
static const struct type rdt_type = { "intelRdt", sizeof(struct rdt_features),
				      rdt_fields };

/* clang-format off */
static const struct field policy_fields[] = {
	J_STRS(struct policy_features, modes, "modes", 0, "Known modes."),
	J_STRS(struct policy_features, flags, "flags", 0, "Known flags."),
	J_END
};
/* clang-format on */
static const struct type policy_type = { "memoryPolicy", sizeof(struct policy_features),
					 policy_fields };

/* clang-format off */
static const struct field cgroup_fields[] = {
	J_BOOL(struct cgroup_features, v1, "v1", F_SHOW, "Version 1."),
	J_BOOL(struct cgroup_features, v2, "v2", F_SHOW, "Version 2."),
	J_BOOL(struct cgroup_features, systemd, "systemd", F_SHOW, "By systemd."),
	J_BOOL(struct cgroup_features, systemd_user, "systemdUser", F_SHOW, "By a user's systemd."),
	J_BOOL(struct cgroup_features, rdma, "rdma", F_SHOW, "The rdma controller."),
	J_END
};
/* clang-format on */
static const struct type cgroup_type = { "cgroup", sizeof(struct cgroup_features),
					 cgroup_fields };

/* clang-format off */
static const struct field seccomp_fields[] = {
	J_BOOL(struct seccomp_features, enabled, "enabled", F_SHOW, "Whether it works."),
	J_STRS(struct seccomp_features, actions, "actions", 0, "Known actions."),
	J_STRS(struct seccomp_features, operators, "operators", 0, "Known comparisons."),
	J_STRS(struct seccomp_features, archs, "archs", 0, "Known architectures."),
	J_STRS(struct seccomp_features, known_flags, "knownFlags", 0, "Known flags."),
	J_STRS(struct seccomp_features, supported_flags, "supportedFlags", 0, "Flags this kernel takes."),
	J_END
};
/* clang-format on */
static const struct type seccomp_type = { "seccomp", sizeof(struct seccomp_features),
					  seccomp_fields };

/* clang-format off */
static const struct field extension_fields[] = {
	J_OBJ(struct mount_extensions, idmap, "idmap", 0, struct enabled, &enabled_type, "Idmapped mounts."), J_END
};
/* clang-format on */
static const struct type extension_type = { "mountExtensions",
					    sizeof(struct mount_extensions),
					    extension_fields };

#define L struct linux_features
/* clang-format off */
static const struct field linux_fields[] = {
	J_STRS(L, namespaces, "namespaces", 0, "Kinds of namespaces."),
	J_STRS(L, capabilities, "capabilities", 0, "Known capabilities."),
	J_OBJ(L, cgroup, "cgroup", 0, struct cgroup_features, &cgroup_type, "Control groups."),
	J_OBJ(L, seccomp, "seccomp", 0, struct seccomp_features, &seccomp_type, "System call filters."),
	J_OBJ(L, apparmor, "apparmor", 0, struct enabled, &enabled_type, "AppArmor profiles."),
	J_OBJ(L, selinux, "selinux", 0, struct enabled, &enabled_type, "SELinux labels."),
	J_OBJ(L, intel_rdt, "intelRdt", 0, struct rdt_features, &rdt_type, "Intel RDT."),
	J_OBJ(L, memory_policy, "memoryPolicy", 0, struct policy_features, &policy_type, "NUMA policies."),
	J_OBJ(L, mount_extensions, "mountExtensions", 0, struct mount_extensions, &extension_type, "Mounts."),
	J_OBJ(L, net_devices, "netDevices", 0, struct enabled, &enabled_type, "Network devices."),
	J_END
};
/* clang-format on */
#undef L
static const struct type linux_type = { "linux", sizeof(struct linux_features),
					linux_fields };

/* clang-format off */
static const struct field features_fields[] = {
	J_STR(struct features, min, "ociVersionMin", F_REQUIRED, "Oldest version of the specification."),
	J_STR(struct features, max, "ociVersionMax", F_REQUIRED, "Newest version of the specification."),
	J_STRS(struct features, hooks, "hooks", 0, "Kinds of hooks."),
	J_STRS(struct features, mount_options, "mountOptions", 0, "Known mount options."),
	J_OBJ(struct features, linux_, "linux", 0, struct linux_features, &linux_type, "Linux."),
	J_PAIRS(struct features, annotations, "annotations", 0, "More."),
	J_STRS(struct features, unsafe, "potentiallyUnsafeConfigAnnotations", 0, "Annotations that act."),
	J_END
};
/* clang-format on */
static const struct type features_type = { "features", sizeof(struct features),
					   features_fields };

#define WORDS(...) \
	{ \
		.v = (char *[]){ __VA_ARGS__ }, \
		.n = sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *) \
	}

/* The words of a table; a number that has two words is listed under both. */
static strs words_of(const struct name *table, struct arena *arena)
{
	strs l = { 0 };

	while (table[l.n].text)
		l.n++;
	l.v = arena_array(arena, l.n, sizeof(*l.v));
	for (size_t i = 0; i < l.n; i++)
		l.v[i] = (char *)table[i].text;
	return l;
}

static strs option_words(struct arena *arena)
{
	strs l = { 0 };
	size_t n = 0;

	while (mount_options[n].name)
		n++;
	l.v = arena_array(arena, n, sizeof(*l.v));
	for (size_t i = 0; i < n; i++)
		l.v[l.n++] = (char *)mount_options[i].name;
	return l;
}

/* Those that the libseccomp we are linked to knows. */
static strs arch_words(struct arena *arena)
{
	static const char *const all[] = {
		"AARCH64", "ARM",      "LOONGARCH64", "MIPS", "MIPS64", "MIPS64N32",
		"MIPSEL",  "MIPSEL64", "MIPSEL64N32", "PPC",  "PPC64",  "PPC64LE",
		"RISCV64", "S390",     "S390X",       "X32",  "X86",    "X86_64",
	};
	strs l = { arena_array(arena, sizeof(all) / sizeof(all[0]), sizeof(char *)), 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *lower = arena_strdup(arena, all[i]);

		for (char *c = lower; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (seccomp_arch_resolve_name(lower))
			l.v[l.n++] = arena_printf(arena, "SCMP_ARCH_%s", all[i]);
	}
	return l;
}

/* The kernel looks at the flags before it looks at the (missing) filter, so asking loads
 * nothing. */
static strs supported_flags(struct arena *arena)
{
	strs known = words_of(sc_flag_names, arena),
	     l = { arena_array(arena, known.n, sizeof(char *)), 0 };

	for (size_t i = 0; i < known.n; i++) {
		unsigned flags = (unsigned)sc_flag_names[i].value;

		/* This one is taken together with a listener only. */
		if (flags == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
			flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 &&
		    errno == EFAULT)
			l.v[l.n++] = known.v[i];
	}
	return l;
}

static void fill_seccomp(struct seccomp_features *s, struct arena *arena)
{
	*s = (struct seccomp_features){
		.enabled = true,
		.actions = words_of(sc_action_names, arena),
		.operators = words_of(sc_op_names, arena),
		.archs = arch_words(arena),
		.known_flags = words_of(sc_flag_names, arena),
		.supported_flags = supported_flags(arena),
	};
}

/* Whether criu is there; what it can do here only a checkpoint tells. */
static bool can_checkpoint(struct arena *arena)
{
	const char *path;
	struct err e;

	return WITH_CRIU && !geteuid() && !in_user_namespace() &&
	       !criu_find(arena, &path, &e);
}

static pairs annotations(struct arena *arena)
{
	const struct scmp_version *v = seccomp_version();
	struct pair *p = arena_array(arena, 4, sizeof(*p));

	p[0] = (struct pair){ "io.github.seccomp.libseccomp.version",
			      v ? arena_printf(arena, "%u.%u.%u", v->major, v->minor,
					       v->micro)
				: "unknown" };
	p[1] = (struct pair){ "org.opencontainers.runc.checkpoint.enabled",
			      can_checkpoint(arena) ? "true" : "false" };
	p[2] = (struct pair){ "skiff.commit", (char *)skiff_commit() };
	p[3] = (struct pair){ "skiff.version", (char *)skiff_version() };
	return (pairs){ p, 4 };
}

static void fill_linux(struct linux_features *l, struct arena *arena)
{
	static struct enabled apparmor = { HAS_APPARMOR }, selinux = { HAS_SELINUX },
			      idmap = { HAS_IDMAP }, net_devices = { HAS_NET_DEVICES };
	static struct rdt_features rdt = { HAS_INTEL_RDT, HAS_INTEL_RDT_SCHEMATA,
					   HAS_INTEL_RDT_MONITORING };
	static struct cgroup_features cgroup = { true, true, HAS_CGROUP_SYSTEMD,
						 HAS_CGROUP_SYSTEMD_USER,
						 HAS_CGROUP_RDMA };
	static struct mount_extensions extensions = { .idmap = &idmap };

	*l = (struct linux_features){
		.namespaces = words_of(ns_names, arena),
		.capabilities = words_of(cap_names(), arena),
		.cgroup = &cgroup,
		.seccomp = arena_new(arena, struct seccomp_features),
		.apparmor = &apparmor,
		.selinux = &selinux,
		.intel_rdt = &rdt,
		.memory_policy = arena_new(arena, struct policy_features),
		.mount_extensions = &extensions,
		.net_devices = &net_devices,
	};
	fill_seccomp(l->seccomp, arena);
	*l->memory_policy = (struct policy_features){
		.modes = words_of(mpol_names, arena),
		.flags = words_of(mpol_flag_names, arena),
	};
}

int skiff_features(struct skiff *s, const char **ret, struct skiff_error *e)
{
	struct linux_features linux_;
	struct features f = {
		.min = "1.0.0",
		.max = SPEC_VERSION,
		.hooks = words_of(hook_names, &s->arena),
		.mount_options = option_words(&s->arena),
		.linux_ = &linux_,
		.annotations = annotations(&s->arena),
		.unsafe = { (char **)acting_annotations,
			    sizeof(acting_annotations) / sizeof(char *) },
	};
	struct buf b;

	(void)e;
	fill_linux(&linux_, &s->arena);
	buf_init(&b, &s->arena, (size_t)1 << 20);
	json_print(&b, &features_type, &f, JSON_PRETTY);
	buf_char(&b, '\n');
	*ret = b.p;
	return 0;
}
