/* sys_arch.h for all other architectures. */
#pragma once

#include <asm/unistd.h>
#include <errno.h>
#include <linux/sched.h>
#include <unistd.h>

#define SYS_HAS_VM_CLONE 0

static inline void sys_relax(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline long sys_call6(long nr, const long a[6])
{
	long ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	return ret < 0 ? -errno : ret;
}

static inline long sys_call3(long nr, long a, long b, long c)
{
	return sys_call6(nr, (const long[6]){ a, b, c });
}

/* Not over CLONE_VM: the copy learns its pid from the page that pid lies in, which
 * must be a shared one. */
static inline long sys_split(unsigned long flags, int *pid)
{
	long ret = syscall(__NR_clone, flags | CLONE_PARENT_SETTID, 0L, pid, 0L, 0L);

	if (ret > 0)
		_exit(0);
	return ret < 0 ? -errno : ret;
}

/* Only a copy of the caller: args must not ask for CLONE_VM or a stack. */
static inline long sys_clone3_on(struct clone_args *args, void (*fn)(void *), void *arg)
{
	long ret = syscall(__NR_clone3, args, sizeof(*args));

	if (!ret)
		fn(arg);
	return ret < 0 ? -errno : ret;
}
