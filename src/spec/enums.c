/*
 * The words of the specification and the kernel's numbers for them. The numbers are the
 * kernel's binary interface and stand here because neither musl nor old distributions
 * ship all of the headers. Where two words have one value, the first is printed.
 */
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/resource.h>

#include "spec/spec.h"
#include "spec/tables.h"

/* clang-format off */
const struct name hook_names[] = {
	{ "prestart", HOOK_PRESTART },                { "createRuntime", HOOK_CREATE_RUNTIME },
	{ "createContainer", HOOK_CREATE_CONTAINER }, { "startContainer", HOOK_START_CONTAINER },
	{ "poststart", HOOK_POSTSTART },              { "poststop", HOOK_POSTSTOP },
	{ NULL }
};

const struct name ns_names[] = {
	{ "pid", NS_PID },   { "network", NS_NET }, { "mount", NS_MNT },     { "ipc", NS_IPC },
	{ "uts", NS_UTS },   { "user", NS_USER },   { "cgroup", NS_CGROUP }, { "time", NS_TIME },
	{ NULL }
};

const struct name prop_names[] = {
	{ "private", PROP_PRIVATE },   { "shared", PROP_SHARED },     { "slave", PROP_SLAVE },
	{ "unbindable", PROP_UNBINDABLE },
	/* Not in the specification; runc takes these, and engines write them. */
	{ "rprivate", PROP_PRIVATE },  { "rshared", PROP_SHARED },    { "rslave", PROP_SLAVE },
	{ "runbindable", PROP_UNBINDABLE },
	{ NULL }
};

const struct name rlimit_names[] = {
	{ "RLIMIT_CPU", RLIMIT_CPU },           { "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_DATA", RLIMIT_DATA },         { "RLIMIT_STACK", RLIMIT_STACK },
	{ "RLIMIT_CORE", RLIMIT_CORE },         { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },       { "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },   { "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },       { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },     { "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ NULL }
};

/* SCHED_ISO (4) is reserved but no kernel has it: the system call says so. */
const struct name sched_policy_names[] = {
	{ "SCHED_OTHER", SCHED_OTHER }, { "SCHED_FIFO", SCHED_FIFO }, { "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH }, { "SCHED_ISO", 4 },           { "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", 6 },
	{ NULL }
};

const struct name sched_flag_names[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
	{ NULL }
};

const struct name ioprio_names[] = {
	{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 }, { "IOPRIO_CLASS_IDLE", 3 },
	{ NULL }
};

const struct name sc_action_names[] = {
	{ "SCMP_ACT_ALLOW", SC_ALLOW },               { "SCMP_ACT_ERRNO", SC_ERRNO },
	{ "SCMP_ACT_KILL_THREAD", SC_KILL_THREAD },   { "SCMP_ACT_KILL", SC_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SC_KILL_PROCESS }, { "SCMP_ACT_TRAP", SC_TRAP },
	{ "SCMP_ACT_TRACE", SC_TRACE },               { "SCMP_ACT_LOG", SC_LOG },
	{ "SCMP_ACT_NOTIFY", SC_NOTIFY },
	{ NULL }
};

const uint32_t sc_action_values[] = {
	[SC_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS, [SC_KILL_THREAD] = SECCOMP_RET_KILL_THREAD,
	[SC_TRAP] = SECCOMP_RET_TRAP,                 [SC_ERRNO] = SECCOMP_RET_ERRNO,
	[SC_NOTIFY] = SECCOMP_RET_USER_NOTIF,         [SC_TRACE] = SECCOMP_RET_TRACE,
	[SC_ALLOW] = SECCOMP_RET_ALLOW,               [SC_LOG] = SECCOMP_RET_LOG,
};

/* enum scmp_compare of libseccomp */
const struct name sc_op_names[] = {
	{ "SCMP_CMP_NE", 1 }, { "SCMP_CMP_LT", 2 }, { "SCMP_CMP_LE", 3 }, { "SCMP_CMP_EQ", 4 },
	{ "SCMP_CMP_GE", 5 }, { "SCMP_CMP_GT", 6 }, { "SCMP_CMP_MASKED_EQ", 7 },
	{ NULL }
};

const struct name sc_flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 1 },      { "SECCOMP_FILTER_FLAG_LOG", 2 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4 }, { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32 },
	{ NULL }
};

/* AUDIT_ARCH_* of linux/audit.h: the machine, 64-bit as bit 31, little endian as bit
 * 30. */
const struct name sc_arch_names[] = {
	{ "SCMP_ARCH_X86_64", 0xc000003e },      { "SCMP_ARCH_X86", 0x40000003 },
	{ "SCMP_ARCH_X32", 0x4000003e },         { "SCMP_ARCH_AARCH64", 0xc00000b7 },
	{ "SCMP_ARCH_ARM", 0x40000028 },         { "SCMP_ARCH_LOONGARCH64", 0xc0000102 },
	{ "SCMP_ARCH_M68K", 0x00000004 },        { "SCMP_ARCH_MIPS", 0x00000008 },
	{ "SCMP_ARCH_MIPS64", 0x80000008 },      { "SCMP_ARCH_MIPS64N32", 0xa0000008 },
	{ "SCMP_ARCH_MIPSEL", 0x40000008 },      { "SCMP_ARCH_MIPSEL64", 0xc0000008 },
	{ "SCMP_ARCH_MIPSEL64N32", 0xe0000008 }, { "SCMP_ARCH_PPC", 0x00000014 },
	{ "SCMP_ARCH_PPC64", 0x80000015 },       { "SCMP_ARCH_PPC64LE", 0xc0000015 },
	{ "SCMP_ARCH_S390", 0x00000016 },        { "SCMP_ARCH_S390X", 0x80000016 },
	{ "SCMP_ARCH_SH", 0x4000002a },          { "SCMP_ARCH_SHEB", 0x0000002a },
	{ "SCMP_ARCH_PARISC", 0x0000000f },      { "SCMP_ARCH_PARISC64", 0x8000000f },
	{ "SCMP_ARCH_RISCV64", 0xc00000f3 },
	{ NULL }
};

const struct name personality_names[] = {
	{ "LINUX", 0x0000 }, { "LINUX32", 0x0008 },
	{ NULL }
};

const struct name mpol_names[] = {
	{ "MPOL_DEFAULT", 0 },        { "MPOL_PREFERRED", 1 }, { "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 },     { "MPOL_LOCAL", 4 },     { "MPOL_PREFERRED_MANY", 5 },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 },
	{ NULL }
};

const struct name mpol_flag_names[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 }, { "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
	{ NULL }
};

/*
 * Our own list (a test compares it with libcap's): libcap's constructor asks the kernel
 * six times for the highest capability in every process that links its name functions.
 */
const struct name cap_table[] = {
	{ "CAP_CHOWN", 0 },            { "CAP_DAC_OVERRIDE", 1 },    { "CAP_DAC_READ_SEARCH", 2 },
	{ "CAP_FOWNER", 3 },           { "CAP_FSETID", 4 },          { "CAP_KILL", 5 },
	{ "CAP_SETGID", 6 },           { "CAP_SETUID", 7 },          { "CAP_SETPCAP", 8 },
	{ "CAP_LINUX_IMMUTABLE", 9 },  { "CAP_NET_BIND_SERVICE", 10 }, { "CAP_NET_BROADCAST", 11 },
	{ "CAP_NET_ADMIN", 12 },       { "CAP_NET_RAW", 13 },        { "CAP_IPC_LOCK", 14 },
	{ "CAP_IPC_OWNER", 15 },       { "CAP_SYS_MODULE", 16 },     { "CAP_SYS_RAWIO", 17 },
	{ "CAP_SYS_CHROOT", 18 },      { "CAP_SYS_PTRACE", 19 },     { "CAP_SYS_PACCT", 20 },
	{ "CAP_SYS_ADMIN", 21 },       { "CAP_SYS_BOOT", 22 },       { "CAP_SYS_NICE", 23 },
	{ "CAP_SYS_RESOURCE", 24 },    { "CAP_SYS_TIME", 25 },       { "CAP_SYS_TTY_CONFIG", 26 },
	{ "CAP_MKNOD", 27 },           { "CAP_LEASE", 28 },          { "CAP_AUDIT_WRITE", 29 },
	{ "CAP_AUDIT_CONTROL", 30 },   { "CAP_SETFCAP", 31 },        { "CAP_MAC_OVERRIDE", 32 },
	{ "CAP_MAC_ADMIN", 33 },       { "CAP_SYSLOG", 34 },         { "CAP_WAKE_ALARM", 35 },
	{ "CAP_BLOCK_SUSPEND", 36 },   { "CAP_AUDIT_READ", 37 },     { "CAP_PERFMON", 38 },
	{ "CAP_BPF", 39 },             { "CAP_CHECKPOINT_RESTORE", 40 },
	{ NULL }
};
/* clang-format on */

const struct name *cap_names(void)
{
	return cap_table;
}
