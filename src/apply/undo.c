/*
 * After a failure: what the HOST steps made goes again, last things first. The failure
 * that led here is the one that is told; of a live container's limits also which of them
 * could not be put back.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "cgroup/resctrl.h"

enum { CGROUP_WAIT_MS = 2000 };

void undo_process(struct apply *a)
{
	int pidfd = a->payload_pidfd >= 0 ? a->payload_pidfd : slot_of(a, SLOT_PIDFD);
	siginfo_t ignored;

	if (a->pid < 0 || a->reaped)
		return;
	/* From now on init fails at "executing", should the signal come too late or
	 * hit only the process it leaves. */
	slot_set(a, SLOT_TALK, -1);
	sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	reap_init(a, &ignored);
}

static void remove_cgroup(struct apply *a, const struct step *s)
{
	const char *path = arena_printf(a->arena, "%s%s", text_of(a, s->str[0]),
					text_of(a, s->str[1]));
	struct err ignored;

	cgroup_kill_all(path, &ignored);
	cgroup_remove(path, CGROUP_WAIT_MS, &ignored);
}

static void remove_state(struct apply *a, const struct step *s)
{
	static const char *const names[] = { "start", "init", "config.json", RESCTRL_NOTE,
					     "state.json" };
	int dir = slot_of(a, SLOT_STATE);

	if (dir >= 0)
		notify_remove(dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && dir >= 0; i++)
		unlinkat(dir, names[i], 0);
	rmdir(arena_printf(a->arena, "%s/%s", text_of(a, s->str[0]),
			   text_of(a, s->str[1])));
}

static void remove_resctrl(struct apply *a, const struct step *s)
{
	struct err ignored;

	resctrl_remove(text_of(a, s->str[0]), s->word[0] == RESCTRL_SHARED, &ignored);
}

static void undo_devices(struct apply *a, const struct step *s, struct err *e)
{
	int cgroup = slot_of(a, s->slot[0]);
	size_t n = strlen(e->msg);
	struct err again;

	if (a->bpf_before >= 0
		    ? devices_bpf_replace(a->bpf_before, a->bpf_prog, cgroup, &again)
		    : devices_bpf_detach(a->bpf_prog, cgroup, &again))
		snprintf(e->msg + n, sizeof(e->msg) - n,
			 "; the device rules could not be put back");
}

void undo(struct apply *a, struct err *e)
{
	/* Before init: a process that criu holds does not end. */
	if (a->criu)
		criu_undo(a);
	undo_process(a);
	for (size_t i = a->plan->host.n; i-- > 0;) {
		const struct step *s = &a->plan->host.v[i];

		if (!a->made[i])
			continue;
		if (s->op == OP_CGROUP_MAKE)
			remove_cgroup(a, s);
		else if (s->op == OP_RESCTRL_MAKE)
			remove_resctrl(a, s);
		else if (s->op == OP_NET_OPEN && a->net_helper)
			net_end(a);
		else if (s->op == OP_UNIT_OPEN)
			unit_undo(a, s, e);
		else if (s->op == OP_STATE_MAKE)
			remove_state(a, s);
		else if (s->op == OP_PID_FILE)
			unlink(text_of(a, s->str[0]));
		else if (s->op == OP_CGROUP_WRITE)
			put_back(a, s, e);
		else if (s->op == OP_DEVICES_ATTACH)
			undo_devices(a, s, e);
	}
}
