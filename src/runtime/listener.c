/*
 * The hand-over of a seccomp listener (config-linux: Seccomp, SCMP_ACT_NOTIFY): one message to the agent, the state of the
 * process as JSON with the descriptor. What the agent does with it is its own affair.
 */
#include "runtime/container.h"
#include "runtime/notify.h"

int listener_hand_over(struct container *c, const char *status, pid_t pid, int sock,
		       int listener, struct err *e)
{
	struct buf b;

	buf_init(&b, &c->skiff->arena, (size_t)16 << 20);
	state_report_process(c, status, pid, c->spec->linux_->seccomp->listener_metadata,
			     &b);
	if (b.full)
		return err_set(e, ERR_CONFIG, "the state is too long for a message");
	return send_fd(sock, b.p, b.len, listener, e);
}
