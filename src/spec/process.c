/* Tables of "process": what runs, as whom, with which rights and limits (config:
 * Process). */
#include "spec/tables.h"

/* clang-format off */
static const struct field box_fields[] = {
	J_U32(struct box, height, "height", F_REQUIRED, "rows of the terminal"),
	J_U32(struct box, width, "width", F_REQUIRED, "columns of the terminal"),
	J_END
};
static const struct type box_type = { "console size", sizeof(struct box), box_fields };

static const struct field user_fields[] = {
	J_U32(struct user, uid, "uid", F_SHOW, "user id in the container"),
	J_U32(struct user, gid, "gid", F_SHOW, "group id in the container"),
	J_OU64(struct user, umask, "umask", 0, 0777, "file mode mask; decimal, as all JSON numbers (18 is 0022)"),
	J_U32S(struct user, additional_gids, "additionalGids", 0, "supplementary groups; exactly these, none of the caller's"),
	J_STR(struct user, username, "username", F_BLANK, "ignored on Linux: ids are numbers"),
	J_END
};
static const struct type user_type = { "user", sizeof(struct user), user_fields };

static const struct field capabilities_fields[] = {
	J_ENUMS(struct capabilities, bounding, "bounding", F_LENIENT | F_NOCASE, cap_table, "what the process can ever gain"),
	J_ENUMS(struct capabilities, effective, "effective", F_LENIENT | F_NOCASE, cap_table, "what the kernel checks"),
	J_ENUMS(struct capabilities, inheritable, "inheritable", F_LENIENT | F_NOCASE, cap_table, "what programs with file capabilities inherit"),
	J_ENUMS(struct capabilities, permitted, "permitted", F_LENIENT | F_NOCASE, cap_table, "what may become effective"),
	J_ENUMS(struct capabilities, ambient, "ambient", F_LENIENT | F_NOCASE, cap_table, "what survives execve without file capabilities"),
	J_END
};
static const struct type capabilities_type = { "capabilities", sizeof(struct capabilities), capabilities_fields };

static const struct field rlimit_fields[] = {
	J_ENUM(struct rlimit_spec, type, "type", F_REQUIRED, rlimit_names, "which limit, such as RLIMIT_NOFILE"),
	J_U64(struct rlimit_spec, hard, "hard", F_REQUIRED, "ceiling of the soft limit"),
	J_U64(struct rlimit_spec, soft, "soft", F_REQUIRED, "limit that the kernel enforces"),
	J_END
};
static const struct type rlimit_type = { "rlimit", sizeof(struct rlimit_spec), rlimit_fields };

static const struct field scheduler_fields[] = {
	J_ENUM(struct scheduler, policy, "policy", F_REQUIRED, sched_policy_names, "scheduling policy"),
	J_OI64(struct scheduler, nice, "nice", 0, INT32_MIN, INT32_MAX, "nice value, for SCHED_OTHER and SCHED_BATCH"),
	J_OI64(struct scheduler, priority, "priority", 0, INT32_MIN, INT32_MAX, "static priority, for SCHED_FIFO and SCHED_RR"),
	J_ENUMS(struct scheduler, flags, "flags", 0, sched_flag_names, "flags of sched_setattr(2)"),
	J_OU64(struct scheduler, runtime, "runtime", 0, UINT64_MAX, "nanoseconds of each period, for SCHED_DEADLINE"),
	J_OU64(struct scheduler, deadline, "deadline", 0, UINT64_MAX, "relative deadline in nanoseconds, for SCHED_DEADLINE"),
	J_OU64(struct scheduler, period, "period", 0, UINT64_MAX, "period in nanoseconds, for SCHED_DEADLINE"),
	J_END
};
static const struct type scheduler_type = { "scheduler", sizeof(struct scheduler), scheduler_fields };

static const struct field io_priority_fields[] = {
	J_ENUM(struct io_priority, class, "class", F_REQUIRED, ioprio_names, "class of ioprio_set(2)"),
	J_I64(struct io_priority, priority, "priority", F_SHOW, "0 (first served) to 7"),
	J_END
};
static const struct type io_priority_type = { "io priority", sizeof(struct io_priority), io_priority_fields };

static const struct field cpu_affinity_fields[] = {
	J_STR(struct cpu_affinity, initial, "initial", F_BLANK, "CPUs while the process is set up, such as 0-3,7"),
	J_STR(struct cpu_affinity, final, "final", F_BLANK, "CPUs of the program"),
	J_END
};
static const struct type cpu_affinity_type = { "cpu affinity", sizeof(struct cpu_affinity), cpu_affinity_fields };

static const struct field process_fields[] = {
	J_BOOL(struct process, terminal, "terminal", 0, "give the process a terminal of its own"),
	J_OBJ(struct process, console_size, "consoleSize", 0, struct box, &box_type, "size of that terminal"),
	J_VAL(struct process, user, "user", F_SHOW, struct user, &user_type, "ids of the process"),
	J_STRS(struct process, args, "args", 0, "program and arguments; the program is searched in PATH of env"),
	J_STRS(struct process, env, "env", 0, "environment, NAME=value each; nothing of the caller's is kept"),
	J_STR(struct process, command_line, "commandLine", F_BLANK, "ignored on Linux"),
	J_STR(struct process, cwd, "cwd", F_REQUIRED | F_ABSOLUTE, "working directory in the container"),
	J_OBJ(struct process, capabilities, "capabilities", 0, struct capabilities, &capabilities_type, "five sets of capabilities; none when absent"),
	J_OBJS(struct process, rlimits, "rlimits", 0, struct rlimit_spec, &rlimit_type, "resource limits"),
	J_BOOL(struct process, no_new_privileges, "noNewPrivileges", 0, "set-user-ID programs and file capabilities gain nothing"),
	J_STR(struct process, apparmor_profile, "apparmorProfile", F_BLANK, "AppArmor profile"),
	J_OI64(struct process, oom_score_adj, "oomScoreAdj", 0, -1000, 1000, "-1000 (never killed when memory is short) to 1000"),
	J_OBJ(struct process, scheduler, "scheduler", 0, struct scheduler, &scheduler_type, "CPU scheduling"),
	J_STR(struct process, selinux_label, "selinuxLabel", F_BLANK, "SELinux label"),
	J_OBJ(struct process, io_priority, "ioPriority", 0, struct io_priority, &io_priority_type, "disk scheduling"),
	J_OBJ(struct process, exec_cpu_affinity, "execCPUAffinity", 0, struct cpu_affinity, &cpu_affinity_type, "CPUs of processes added by exec"),
	J_END
};
const struct type process_type = { "process", sizeof(struct process), process_fields };
/* clang-format on */
