/* Who the process is and what it may: groups, user, capabilities, no_new_privs. None
 * of these may fail silently. */
#include "init/init.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#define CAP_NUMBERS 64

int op_groups(struct init *c, const struct step *s)
{
	const uint32_t *groups = (const uint32_t *)str(c, s->str[0]);

	if (s->word[1])
		return 0;
	return (int)sys_setgroups(s->word[0], groups);
}

int op_ids(struct init *c, const struct step *s)
{
	uint32_t uid = (uint32_t)s->word[0], gid = (uint32_t)s->word[1];
	int r = 0;

	(void)c;
	if (s->word[2])
		r = (int)sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (r >= 0)
		r = (int)sys_setresgid(gid, gid, gid);
	if (r >= 0)
		r = (int)sys_setresuid(uid, uid, uid);
	/* Where fs.suid_dumpable is set the change has made init readable for the container's processes of this user. */
	return r < 0 ? r : (int)sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Goes up to the first number that the kernel does not know. What is not in the set
 * need not be dropped. */
int op_bounding(struct init *c, const struct step *s)
{
	(void)c;
	for (unsigned long cap = 0; cap < CAP_NUMBERS; cap++) {
		long r;

		if (s->word[0] >> cap & 1)
			continue;
		r = sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (r == -EINVAL)
			return 0;
		if (r < 0 && sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return (int)r;
	}
	return 0;
}

int op_caps(struct init *c, const struct step *s)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)c;
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(s->word[0] >> 32 * i);
		data[i].permitted = (uint32_t)(s->word[1] >> 32 * i);
		data[i].inheritable = (uint32_t)(s->word[2] >> 32 * i);
	}
	return (int)sys_capset(&head, data);
}

int op_ambient(struct init *c, const struct step *s)
{
	int r = (int)sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);

	(void)c;
	for (unsigned long cap = 0; cap < CAP_NUMBERS && r >= 0; cap++)
		if (s->word[0] >> cap & 1)
			r = (int)sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0,
					   0);
	return r;
}

int op_no_new_privs(struct init *c, const struct step *s)
{
	(void)c;
	(void)s;
	return (int)sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
