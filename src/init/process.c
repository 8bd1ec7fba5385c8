/* Attributes of the process that an exec keeps. */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/keyctl.h>
#include <linux/resource.h>

#define IOPRIO_WHO_PROCESS 1

int op_keyring(struct init *c, const struct step *s)
{
	int r = (int)sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, str(c, s->str[0]));

	return r < 0 ? r : 0;
}

int op_rlimit(struct init *c, const struct step *s)
{
	struct rlimit64 limit = { .rlim_cur = s->word[1], .rlim_max = s->word[2] };

	(void)c;
	return (int)sys_prlimit64(0, (unsigned)s->word[0], &limit, NULL);
}

int op_scheduler(struct init *c, const struct step *s)
{
	return (int)sys_sched_setattr(0, str(c, s->str[0]), 0);
}

int op_ioprio(struct init *c, const struct step *s)
{
	(void)c;
	return (int)sys_ioprio_set(IOPRIO_WHO_PROCESS, 0, (int)s->word[0]);
}

int op_affinity(struct init *c, const struct step *s)
{
	return (int)sys_sched_setaffinity(0, s->word[0], str(c, s->str[0]));
}

int op_personality(struct init *c, const struct step *s)
{
	int r = (int)sys_personality(s->word[0]);

	(void)c;
	return r < 0 ? r : 0;
}

int op_mempolicy(struct init *c, const struct step *s)
{
	/* The kernel takes one bit more than there are nodes. */
	const void *mask = s->word[1] ? str(c, s->str[0]) : NULL;

	return (int)sys_set_mempolicy((int)s->word[0], mask,
				      s->word[1] ? s->word[1] + 1 : 0);
}

int op_umask(struct init *c, const struct step *s)
{
	(void)c;
	sys_umask((unsigned)s->word[0]);
	return 0;
}
