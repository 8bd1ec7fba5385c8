/* sys_arch.h for arm64. */
#pragma once

#include <asm/unistd.h>
#include <linux/sched.h>

#define SYS_HAS_VM_CLONE 1

static inline void sys_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

static inline long sys_call6(long nr, const long a[6])
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a[0];
	register long x1 __asm__("x1") = a[1];
	register long x2 __asm__("x2") = a[2];
	register long x3 __asm__("x3") = a[3];
	register long x4 __asm__("x4") = a[4];
	register long x5 __asm__("x5") = a[5];

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

static inline long sys_call3(long nr, long a, long b, long c)
{
	return sys_call6(nr, (const long[6]){ a, b, c });
}

static inline long sys_split(unsigned long flags, int *pid)
{
	register long x8 __asm__("x8") = __NR_clone;
	register long x0 __asm__("x0") = (long)(flags | CLONE_VM | CLONE_PARENT_SETTID);
	register long x1 __asm__("x1") = 0;
	register int *x2 __asm__("x2") = pid;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0\n\t"
			 "cmp x0, #0\n\t"
			 "b.le 1f\n\t"
			 "mov x8, %[leave]\n\t"
			 "mov x0, #0\n\t"
			 "svc 0\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0), "+r"(x8)
			 : "r"(x1), "r"(x2), "r"(x3),
			   "r"(x4), [leave] "i"(__NR_exit_group)
			 : "memory", "cc");
	return x0;
}

static inline long sys_clone3_on(struct clone_args *args, void (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = __NR_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[fn]\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [fn] "r"(fn), [arg] "r"(arg)
			 : "memory", "cc", "x30");
	return x0;
}
