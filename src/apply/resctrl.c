/* HOST steps about resctrl: what to do is in src/cgroup. */
#include "cgroup/resctrl.h"

#include <errno.h>
#include <unistd.h>

#include "apply/parts.h"

/* A shared class that we make is noted beside the state first: delete removes it when nobody uses it any more. */
static int note(struct apply *a, const char *dir, struct err *e)
{
	if (!access(dir, F_OK))
		return 0;
	return symlinkat(dir, slot_of(a, SLOT_STATE), RESCTRL_NOTE) < 0
		       ? err_sys(e, errno, "note %s in the state directory", dir)
		       : 1;
}

int host_resctrl_make(struct apply *a, const struct step *s, struct err *e)
{
	const char *dir = text_of(a, s->str[0]);
	const char *lines = s->str[1] ? text_of(a, s->str[1]) : NULL;
	enum resctrl_owner owner = (enum resctrl_owner)s->word[0];
	int noted = owner == RESCTRL_SHARED ? note(a, dir, e) : 0;
	bool made = false;
	int r;

	if (noted < 0)
		return -1;
	r = resctrl_make(dir, owner, lines, &made, e);
	a->made[s - a->plan->host.v] = made;
	if (noted && !made)
		unlinkat(slot_of(a, SLOT_STATE), RESCTRL_NOTE, 0);
	return r;
}

int host_resctrl_write(struct apply *a, const struct step *s, struct err *e)
{
	return resctrl_write(text_of(a, s->str[0]), text_of(a, s->str[1]), e);
}

int host_resctrl_join(struct apply *a, const struct step *s, struct err *e)
{
	return resctrl_join(text_of(a, s->str[0]), a->payload, e);
}
