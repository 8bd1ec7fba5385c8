/*
 * What the files of src/apply share and nobody else sees.
 */
#pragma once

#include <signal.h>

#include "apply/apply.h"

typedef int host_op(struct apply *a, const struct step *s, struct err *e);
/* By operation; host.c has the table. */
host_op *host_op_of(enum op op);

static inline const char *text_of(const struct apply *a, uint32_t offset)
{
	return plan_text(a->plan, offset);
}

/* The descriptor of a slot, or -1. */
int slot_of(const struct apply *a, int slot);
/* Fills a slot; what was in it is closed. */
void slot_set(struct apply *a, int slot, int fd);

/* carrier.c: the embedded init program as something to execute. The later ones stand
 * in where the earlier ones are forbidden. */
enum carrier { CARRIER_MEMFD, CARRIER_TMPFS, CARRIER_INSTALLED, CARRIER_COUNT };
/* An executable descriptor, or -errno. */
int carrier_open(enum carrier which);
/* A sealed, read-only memfd of data, never executable; or -errno. */
int carrier_data(const char *name, const void *data, size_t n);

/* spawn.c, maps.c, sources.c, cgroups.c, files.c, talk.c: the operations */
host_op host_spawn, host_map_uid, host_map_gid, host_source, host_ns_open, host_connect,
	host_listen, host_state_make, host_state_write, host_state_config,
	host_state_devices, host_state_pid, host_hooks, host_pid_file, host_pidfd_send,
	host_proc_write, host_tty_take, host_cgroup_make, host_cgroup_write,
	host_cgroup_enable, host_cgroup_owner, host_cgroup_join, host_devices_load,
	host_devices_attach, host_seccomp_load, host_tell, host_wait, host_userns,
	host_idmap;
host_op host_listener_send, host_notify_make; /* talk.c, notify.c */

/* sources.c: a connected socket, or -1 with e set. */
int connect_to(const char *path, int type, struct err *e);

/* talk.c */
/* Reads until end-of-file after "executing": 0 = the program runs. */
int talk_until_exec(struct apply *a, struct err *e);
/* If init has reported a failure by now, e gets its words instead. */
void talk_prefer_init(struct apply *a, struct err *e);
/* words.c: how init ended without a word. Reaps it. Always -1. */
int words_died(struct apply *a, struct err *e);

host_op host_unit_open, host_unit_property, host_unit_start,
	host_unit_attach, /* unit.c */
	host_unit_set, host_unit_keep;
/* Leaves the helper; what it has started goes when it is empty. */
void unit_undo(struct apply *a, const struct step *open, struct err *e);

host_op host_net_open, host_net_move, host_net_keep; /* net.c */
/* Leaves the helper, which puts the devices back unless it was told to keep them. */
void net_end(struct apply *a);

host_op host_resctrl_make, host_resctrl_write, host_resctrl_join; /* resctrl.c */

host_op host_criu_option, host_criu_hierarchy, host_criu_cgroup, host_criu_ns,
	host_criu_open, host_criu_dump, host_criu_restore, host_criu_fill,
	host_criu_resume;                                   /* restore.c */
host_op host_criu_streams;                                  /* criu_streams.c */
host_op host_criu_leave, host_criu_masked, host_criu_mount; /* criu_mounts.c */
/* Ends criu, and what it has made by then. */
void criu_undo(struct apply *a);

/* trace.c */
void trace_stamp(struct trace *t, size_t step, bool end);
void trace_start(struct trace *t, size_t n_steps);
/* The shared page, if the plan needs one: SLOT_TRACE and a->page. */
int trace_page_make(struct apply *a, struct err *e);

/* put_back.c: what to write to undo a write of value to a file that said old; NULL =
 * nothing that is known. */
const char *put_back_value(struct arena *arena, const char *file, const char *value,
			   const char *old);
/* Before a cgroup.write: remembers what its file says. After a failure: writes that. */
void put_back_note(struct apply *a, const struct step *s);
void put_back(struct apply *a, const struct step *s, struct err *e);

/* undo.c: adds to the message what cannot be undone */
void undo(struct apply *a, struct err *e);
/* Ends and reaps what was spawned. */
void undo_process(struct apply *a);

/* orphan.c: waits for init's end and collects it, with what it made in its place but could
 * not name any more: then true. */
bool reap_init(struct apply *a, siginfo_t *ret);
