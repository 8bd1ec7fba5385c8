/*
 * The system call instruction. x86-64 and arm64 have it in assembly, so that the init program needs no libc and so
 * that the child of a CLONE_VM spawn touches no errno; elsewhere the libc's syscall() stands in.
 *
 *   sys_call3, sys_call6  a system call; the result or -errno
 *   sys_split             clone() that lets the child go on in the caller's place: the caller leaves at once,
 *                         without another use of the stack they share. 0 in the child, -errno on failure.
 *   sys_relax             inside a loop that waits for another CPU
 *   sys_clone3_on         clone3() whose child runs fn(arg) on the new stack of clone_args and never returns
 */
#pragma once

#if defined(__x86_64__)
#include "base/sys_x86_64.h"
#elif defined(__aarch64__)
#include "base/sys_aarch64.h"
#else
#include "base/sys_libc.h"
#endif
