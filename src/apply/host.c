/* Which function carries out which HOST operation. A unit test holds it against
 * ops.def. */
#include "apply/parts.h"

/* clang-format off */
static host_op *const table[OP_COUNT] = {
	[OP_TELL]           = host_tell,
	[OP_WAIT]           = host_wait,
	[OP_STATE_MAKE]     = host_state_make,
	[OP_STATE_WRITE]    = host_state_write,
	[OP_STATE_CONFIG]   = host_state_config,
	[OP_STATE_DEVICES]  = host_state_devices,
	[OP_SOURCE]         = host_source,
	[OP_NS_OPEN]        = host_ns_open,
	[OP_CONNECT]        = host_connect,
	[OP_NOTIFY_MAKE]    = host_notify_make,
	[OP_LISTEN]         = host_listen,
	[OP_SECCOMP_LOAD]   = host_seccomp_load,
	[OP_SPAWN]          = host_spawn,
	[OP_MAP_UID]        = host_map_uid,
	[OP_MAP_GID]        = host_map_gid,
	[OP_USERNS]         = host_userns,
	[OP_IDMAP]          = host_idmap,
	[OP_PROC_WRITE]     = host_proc_write,
	[OP_HOOKS]          = host_hooks,
	[OP_PID_FILE]       = host_pid_file,
	[OP_STATE_PID]      = host_state_pid,
	[OP_PIDFD_SEND]     = host_pidfd_send,
	[OP_LISTENER_SEND]  = host_listener_send,
	[OP_TTY_TAKE]       = host_tty_take,
	[OP_NET_OPEN]       = host_net_open,
	[OP_NET_MOVE]       = host_net_move,
	[OP_NET_KEEP]       = host_net_keep,
	[OP_CGROUP_MAKE]    = host_cgroup_make,
	[OP_CGROUP_ENABLE]  = host_cgroup_enable,
	[OP_CGROUP_WRITE]   = host_cgroup_write,
	[OP_CGROUP_OWNER]   = host_cgroup_owner,
	[OP_CGROUP_JOIN]    = host_cgroup_join,
	[OP_RESCTRL_MAKE]   = host_resctrl_make,
	[OP_RESCTRL_WRITE]  = host_resctrl_write,
	[OP_RESCTRL_JOIN]   = host_resctrl_join,
	[OP_DEVICES_LOAD]   = host_devices_load,
	[OP_DEVICES_ATTACH] = host_devices_attach,
	[OP_UNIT_OPEN]      = host_unit_open,
	[OP_UNIT_PROPERTY]  = host_unit_property,
	[OP_UNIT_START]     = host_unit_start,
	[OP_UNIT_ATTACH]    = host_unit_attach,
	[OP_UNIT_SET]       = host_unit_set,
	[OP_UNIT_KEEP]      = host_unit_keep,
	[OP_CRIU_OPTION]    = host_criu_option,
	[OP_CRIU_HIERARCHY] = host_criu_hierarchy,
	[OP_CRIU_CGROUP]    = host_criu_cgroup,
	[OP_CRIU_NS]        = host_criu_ns,
	[OP_CRIU_LEAVE]     = host_criu_leave,
	[OP_CRIU_MASKED]    = host_criu_masked,
	[OP_CRIU_STREAMS]   = host_criu_streams,
	[OP_CRIU_MOUNT]     = host_criu_mount,
	[OP_CRIU_OPEN]      = host_criu_open,
	[OP_CRIU_DUMP]      = host_criu_dump,
	[OP_CRIU_RESTORE]   = host_criu_restore,
	[OP_CRIU_FILL]      = host_criu_fill,
	[OP_CRIU_RESUME]    = host_criu_resume,
};
/* clang-format on */

host_op *host_op_of(enum op op)
{
	return op < OP_COUNT ? table[op] : NULL;
}
