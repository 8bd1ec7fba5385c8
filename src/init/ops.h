/* The operations of ops.def that init carries out; table.c has them by number. */
#pragma once

struct init;
struct step;

typedef int init_op(struct init *c, const struct step *s);

/* clang-format off */
init_op op_tell, op_wait, op_dumpable, op_death_signal, op_session, op_become, op_ns_join, op_ns_new,
	op_time_offsets, op_hostname, op_domainname, op_loopback, op_propagation, op_tree, op_root_attach,
	op_target, op_fs, op_mount_attr, op_attach, op_copy_up, op_remount, op_link, op_dir_open, op_node,
	op_masks, op_mask, op_readonly, op_tty, op_proc, op_sysctl, op_root_readonly, op_pivot, op_tty_use,
	op_stdio_owner, op_keyring, op_rlimit, op_scheduler, op_ioprio, op_affinity, op_personality,
	op_mempolicy, op_label, op_bounding, op_groups, op_ids, op_caps, op_ambient, op_no_new_privs,
	op_umask, op_cwd, op_find, op_home, op_sweep, op_seccomp, op_pid_enter, op_exec, op_root_enter, op_unmount;
/* clang-format on */
