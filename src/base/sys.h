/*
 * Raw system calls as typed functions: sys_NAME(...) gives the result or -errno and
 * touches nothing else. For the init program, which has no libc, for the child of a
 * spawn, and for calls that a libc lacks. Structs are those of the kernel's headers; who
 * uses one includes its header.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/sys_arch.h"

#define SYS_CALL0(name) \
	static inline long sys_##name(void) \
	{ \
		return sys_call3(__NR_##name, 0, 0, 0); \
	}
#define SYS_CALL1(name, A) \
	static inline long sys_##name(A a) \
	{ \
		return sys_call3(__NR_##name, (long)a, 0, 0); \
	}
#define SYS_CALL2(name, A, B) \
	static inline long sys_##name(A a, B b) \
	{ \
		return sys_call3(__NR_##name, (long)a, (long)b, 0); \
	}
#define SYS_CALL3(name, A, B, C) \
	static inline long sys_##name(A a, B b, C c) \
	{ \
		return sys_call3(__NR_##name, (long)a, (long)b, (long)c); \
	}
#define SYS_CALL4(name, A, B, C, D) \
	static inline long sys_##name(A a, B b, C c, D d) \
	{ \
		return sys_call6(__NR_##name, \
				 (const long[6]){ (long)a, (long)b, (long)c, (long)d }); \
	}
#define SYS_CALL5(name, A, B, C, D, E) \
	static inline long sys_##name(A a, B b, C c, D d, E e) \
	{ \
		return sys_call6( \
			__NR_##name, \
			(const long[6]){ (long)a, (long)b, (long)c, (long)d, (long)e }); \
	}
#define SYS_CALL6(name, A, B, C, D, E, F) \
	static inline long sys_##name(A a, B b, C c, D d, E e, F f) \
	{ \
		return sys_call6(__NR_##name, \
				 (const long[6]){ (long)a, (long)b, (long)c, (long)d, \
						  (long)e, (long)f }); \
	}

/* Linux 6.15; one number for all architectures. */
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

struct clone_args;
struct mount_attr;
struct open_how;
struct rlimit64;
struct statfs;
struct statx;

/* clang-format off */

/* Files. Directories are descriptors, AT_FDCWD included. */
SYS_CALL1(close, int)
SYS_CALL3(close_range, unsigned, unsigned, unsigned)
SYS_CALL3(dup3, int, int, int)
SYS_CALL3(fcntl, int, int, long)
SYS_CALL3(ioctl, int, unsigned long, void *)
SYS_CALL4(openat, int, const char *, int, unsigned)
SYS_CALL4(openat2, int, const char *, const struct open_how *, size_t)
SYS_CALL3(read, int, void *, size_t)
SYS_CALL3(write, int, const void *, size_t)
SYS_CALL4(sendfile, int, int, void *, size_t)
SYS_CALL5(statx, int, const char *, int, unsigned, struct statx *)
SYS_CALL2(fstatfs, int, struct statfs *)
SYS_CALL3(faccessat, int, const char *, int)
SYS_CALL3(mkdirat, int, const char *, unsigned)
SYS_CALL4(mknodat, int, const char *, unsigned, unsigned)
SYS_CALL3(symlinkat, const char *, int, const char *)
SYS_CALL4(readlinkat, int, const char *, char *, size_t)
SYS_CALL2(fchmod, int, unsigned)
SYS_CALL3(fchown, int, unsigned, unsigned)
SYS_CALL5(fchownat, int, const char *, unsigned, unsigned, int)
SYS_CALL3(getdents64, int, void *, size_t)
SYS_CALL1(chdir, const char *)
SYS_CALL1(fchdir, int)
SYS_CALL1(chroot, const char *)
SYS_CALL2(getcwd, char *, size_t)
SYS_CALL1(umask, unsigned)
SYS_CALL6(mmap, void *, size_t, int, int, int, long)
SYS_CALL2(memfd_create, const char *, unsigned)

/* Mounts. */
SYS_CALL5(mount, const char *, const char *, const char *, unsigned long, const void *)
SYS_CALL2(umount2, const char *, int)
SYS_CALL2(pivot_root, const char *, const char *)
SYS_CALL2(fsopen, const char *, unsigned)
SYS_CALL5(fsconfig, int, unsigned, const char *, const void *, int)
SYS_CALL3(fsmount, int, unsigned, unsigned)
SYS_CALL3(open_tree, int, const char *, unsigned)
SYS_CALL5(open_tree_attr, int, const char *, unsigned, struct mount_attr *, size_t)
SYS_CALL5(move_mount, int, const char *, int, const char *, unsigned)
SYS_CALL5(mount_setattr, int, const char *, unsigned, struct mount_attr *, size_t)

/* Sockets. */
SYS_CALL3(socket, int, int, int)
SYS_CALL4(accept4, int, void *, void *, int)
SYS_CALL6(sendto, int, const void *, size_t, int, const void *, int)
SYS_CALL6(recvfrom, int, void *, size_t, int, void *, void *)
SYS_CALL3(sendmsg, int, const void *, int)

/* Processes. */
SYS_CALL5(execveat, int, const char *, char *const *, char *const *, int)
SYS_CALL3(execve, const char *, char *const *, char *const *)
SYS_CALL1(exit_group, int)
SYS_CALL0(setsid)
SYS_CALL2(setns, int, int)
SYS_CALL1(unshare, unsigned long)
SYS_CALL2(sethostname, const char *, size_t)
SYS_CALL2(setdomainname, const char *, size_t)
SYS_CALL5(prctl, int, unsigned long, unsigned long, unsigned long, unsigned long)
SYS_CALL2(capset, void *, const void *)
SYS_CALL2(capget, void *, void *)
SYS_CALL2(setgroups, size_t, const uint32_t *)
SYS_CALL3(setresuid, uint32_t, uint32_t, uint32_t)
SYS_CALL3(setresgid, uint32_t, uint32_t, uint32_t)
SYS_CALL4(prlimit64, int, unsigned, const struct rlimit64 *, struct rlimit64 *)
SYS_CALL3(sched_setattr, int, const void *, unsigned)
SYS_CALL3(sched_setaffinity, int, size_t, const void *)
SYS_CALL3(ioprio_set, int, int, int)
SYS_CALL1(personality, unsigned long)
SYS_CALL3(set_mempolicy, int, const void *, unsigned long)
SYS_CALL2(keyctl, int, const char *)
SYS_CALL3(seccomp, unsigned, unsigned, const void *)
SYS_CALL2(clock_gettime, int, int64_t *)
SYS_CALL4(rt_sigprocmask, int, const void *, void *, size_t)
SYS_CALL4(rt_sigaction, int, const void *, void *, size_t)

SYS_CALL2(pidfd_open, int, unsigned)
SYS_CALL3(pidfd_getfd, int, int, unsigned)
SYS_CALL4(pidfd_send_signal, int, int, void *, unsigned)
/* clang-format on */
