/*
 * Namespaces, and what belongs to them: ids, names, clocks. Init is executed in the
 * host's namespaces and joins afterwards: memory that was set up before the join belongs
 * to the host's user namespace, and no process of the container can look into it.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>

int op_dumpable(struct init *c, const struct step *s)
{
	(void)c;
	(void)s;
	return (int)sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int op_death_signal(struct init *c, const struct step *s)
{
	(void)c;
	return (int)sys_prctl(PR_SET_PDEATHSIG, s->word[0], 0, 0, 0);
}

int op_session(struct init *c, const struct step *s)
{
	int r = (int)sys_setsid();

	(void)c;
	(void)s;
	return r < 0 ? r : 0;
}

int op_become(struct init *c, const struct step *s)
{
	uint32_t uid = (uint32_t)s->word[0], gid = (uint32_t)s->word[1];
	int r = (int)sys_setresgid(gid, gid, gid);

	(void)c;
	return r < 0 ? r : (int)sys_setresuid(uid, uid, uid);
}

int op_ns_join(struct init *c, const struct step *s)
{
	int fd = fds_slot(c, s->slot[0]), r;

	if (fd < 0)
		return fd;
	r = (int)sys_setns(fd, (int)s->word[0]);
	if (r < 0 || !(s->word[0] & CLONE_NEWUSER))
		return r;
	c->joined_user = true;
	/* New credentials may have made init dumpable again (fs.suid_dumpable). */
	return (int)sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int op_ns_new(struct init *c, const struct step *s)
{
	(void)c;
	return (int)sys_unshare(s->word[0]);
}

/* Only since Linux 6.2 or so does the exec of the payload enter the new time namespace by itself. The host's /proc: this
 * comes before the pivot. */
static long enter_time(struct init *c)
{
	long fd = fds_note(c, sys_openat(AT_FDCWD, "/proc/self/ns/time_for_children",
					 O_RDONLY | O_CLOEXEC, 0));

	return fd < 0 ? fd : sys_setns((int)fd, CLONE_NEWTIME);
}

int op_time_offsets(struct init *c, const struct step *s)
{
	const char *text = str(c, s->str[0]);
	long fd, r = 0;

	if (*text) {
		fd = fds_note(c, sys_openat(AT_FDCWD, "/proc/self/timens_offsets",
					    O_WRONLY | O_CLOEXEC, 0));
		r = fd < 0 ? fd : sys_write((int)fd, text, text_len(text));
	}
	if (r >= 0)
		r = enter_time(c);
	return r < 0 ? (int)r : 0;
}

int op_hostname(struct init *c, const struct step *s)
{
	const char *name = str(c, s->str[0]);

	return (int)sys_sethostname(name, text_len(name));
}

int op_domainname(struct init *c, const struct step *s)
{
	const char *name = str(c, s->str[0]);

	return (int)sys_setdomainname(name, text_len(name));
}

/* Where the kernel puts the pid: what both processes see, whether they share their
 * memory or not. */
static int *pid_place(int *own)
{
	long page;

	if (SYS_HAS_VM_CLONE)
		return own;
	page = sys_mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return page < 0 && page > -4096 ? NULL : (int *)page;
}

/*
 * As the last namespace: from here on, processes of the container see this one. The pid
 * that skiff sees is written by the kernel before the new process runs.
 */
int op_pid_enter(struct init *c, const struct step *s)
{
	int own, *pid = pid_place(&own);
	int r = pid ? (int)sys_split(CLONE_PARENT, pid) : -ENOMEM;

	(void)s;
	return r < 0 ? r : talk_tell(c, SYNC_PAYLOAD, *(volatile int *)pid);
}
