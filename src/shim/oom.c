/* One descriptor of the task's memory cgroup in the loop. */
#include "shim/oom.h"

#include <stddef.h>
#include <sys/epoll.h>

#include "shim/events.h"

static void look(struct task *t)
{
	if (skiff_oom_take(&t->oom_watch))
		event_note(t, "/tasks/oom", "TaskOOM");
}

static void on_oom(struct watch *w, uint32_t events)
{
	(void)events;
	look(OWNER(w, struct task, oom));
}

void oom_begin(struct task *t)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = task_skiff(t, &e);

	/* Without a memory controller there is nothing to hear. */
	if (s && !skiff_oom_open(s, t->id, &t->oom_watch, &e)) {
		t->oom = (struct watch){ .fd = t->oom_watch.fd, .ready = on_oom };
		loop_add(&t->oom, t->oom_watch.urgent ? EPOLLPRI : EPOLLIN);
	}
	if (s)
		task_skiff_end(s);
}

void oom_end(struct task *t)
{
	if (t->oom_watch.fd < 0)
		return;
	look(t);
	loop_remove(&t->oom);
	skiff_oom_close(&t->oom_watch);
}
