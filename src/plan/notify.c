/*
 * Readiness (sd_notify(3)): with NOTIFY_SOCKET in the caller's environment the container gets a socket of its own, at the
 * place where engines expect it. It never sees the caller's: a message there would count as the service manager's unit's own.
 */
#include <linux/mount.h>
#include <linux/sched.h>

#include "plan/mounts.h"
#include "plan/notify.h"

bool plan_notify(const struct build *b)
{
	return !b->target && b->host->notify_socket && !(b->ns_joined & CLONE_NEWNS);
}

const char *plan_notify_variable(void)
{
	return "NOTIFY_SOCKET=" PLAN_NOTIFY_PLACE "/notify.sock";
}

void plan_notify_make(struct build *b)
{
	if (plan_notify(b))
		plan_host(b->p, OP_NOTIFY_MAKE, NULL)->word[0] = b->opts->start_at_once;
}

void plan_notify_mount(struct build *b)
{
	struct step *s;
	int slot;

	if (!plan_notify(b))
		return;
	slot = part_source(
		b, part_text(b, "%s/%s/notify", b->opts->state_root, b->opts->id), 0, "");
	s = plan_init(b->p, OP_TARGET, NULL);
	s->str[0] = plan_str(b->p, PLAN_NOTIFY_PLACE);
	s->slot[0] = SLOT_TARGET;
	s->flags = STEP_DIR;
	s->word[0] = 0755;
	s = plan_init(b->p, OP_MOUNT_ATTR, NULL);
	s->slot[0] = (int16_t)slot;
	/* The directory is the host's: connecting to a socket needs no writable mount. */
	s->word[0] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		     MOUNT_ATTR_NOEXEC;
	s->word[2] = MS_PRIVATE;
	s = plan_init(b->p, OP_ATTACH, NULL);
	s->slot[0] = (int16_t)slot;
	s->slot[1] = SLOT_TARGET;
	s->str[0] = plan_str(b->p, PLAN_NOTIFY_PLACE);
}
