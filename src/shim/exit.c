/*
 * A shim ends when containerd asks for it and no container is left; also by itself, once nobody has needed it for a while: a request
 * that was lost must not leave it behind for ever.
 */
#include "shim/exit.h"

#include "base/clock.h"
#include "shim/loop.h"
#include "shim/publish.h"
#include "shim/server.h"
#include "shim/task.h"

enum { LAST_EVENTS_MS = 4000, STEP_MS = 20, IDLE_MS = 10000 };
/* How often nobody may have needed it: a containerd that came back without the task keeps its connection for ever. */
enum { LOOKS_ALONE = 2, LOOKS_CONNECTED = 4 };

static int64_t latest;

static void look(struct timer *t)
{
	if (publish_is_idle() || clock_ms() >= latest)
		loop_stop();
	else
		timer_set(t, STEP_MS);
}

void exit_soon(void)
{
	static struct timer timer = { .due = look };

	shim.ending = true;
	server_stop_listening();
	latest = clock_ms() + LAST_EVENTS_MS;
	/* Not before the answer is on its way. */
	timer_set(&timer, 0);
}

static void look_idle(struct timer *t)
{
	static unsigned long requests;
	static unsigned looks;
	bool idle = !shim.tasks && server_requests() == requests;

	requests = server_requests();
	looks = idle ? looks + 1 : 0;
	if (looks >= (server_is_alone() ? LOOKS_ALONE : LOOKS_CONNECTED))
		exit_soon();
	else
		timer_set(t, IDLE_MS);
}

void exit_when_idle(void)
{
	static struct timer timer = { .due = look_idle };

	timer_set(&timer, IDLE_MS);
}
