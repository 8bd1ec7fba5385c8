/* Tables of "linux.seccomp": the system call filter (config-linux: Seccomp). */
#include "spec/tables.h"

/* clang-format off */
static const struct field arg_fields[] = {
	J_U32(struct seccomp_arg, index, "index", F_REQUIRED, "which argument, 0 to 5"),
	J_U64(struct seccomp_arg, value, "value", F_REQUIRED, "value to compare with; the mask for SCMP_CMP_MASKED_EQ"),
	J_U64(struct seccomp_arg, value_two, "valueTwo", 0, "value under the mask"),
	J_ENUM(struct seccomp_arg, op, "op", F_REQUIRED, sc_op_names, "comparison"),
	J_END
};
static const struct type arg_type = { "seccomp argument", sizeof(struct seccomp_arg), arg_fields };

static const struct field rule_fields[] = {
	J_STRS(struct seccomp_rule, names, "names", F_REQUIRED | F_NONEMPTY, "system calls; unknown ones are skipped"),
	J_ENUM(struct seccomp_rule, action, "action", F_REQUIRED, sc_action_names, "what happens to them"),
	J_OU64(struct seccomp_rule, errno_ret, "errnoRet", 0, 4095, "errno that SCMP_ACT_ERRNO answers, or SCMP_ACT_TRACE passes on"),
	J_OBJS(struct seccomp_rule, args, "args", 0, struct seccomp_arg, &arg_type, "only calls whose arguments meet all of these"),
	J_END
};
static const struct type rule_type = { "seccomp rule", sizeof(struct seccomp_rule), rule_fields };

static const struct field seccomp_fields[] = {
	J_ENUM(struct seccomp, default_action, "defaultAction", F_REQUIRED, sc_action_names, "what happens to calls without a rule"),
	J_OU64(struct seccomp, default_errno_ret, "defaultErrnoRet", 0, 4095, "errno of the default action"),
	J_STRS(struct seccomp, architectures, "architectures", 0, "architectures besides the native one"),
	J_ENUMS(struct seccomp, flags, "flags", 0, sc_flag_names, "flags of seccomp(2)"),
	J_STR(struct seccomp, listener_path, "listenerPath", F_BLANK, "UNIX socket that gets the listener of SCMP_ACT_NOTIFY"),
	J_STR(struct seccomp, listener_metadata, "listenerMetadata", F_BLANK, "opaque text sent with it"),
	J_OBJS(struct seccomp, syscalls, "syscalls", 0, struct seccomp_rule, &rule_type, "rules"),
	J_END
};
const struct type seccomp_type = { "seccomp", sizeof(struct seccomp), seccomp_fields };
/* clang-format on */
