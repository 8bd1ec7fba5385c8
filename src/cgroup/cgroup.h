/*
 * Control groups on the kernel's side: making, joining, limiting, freezing, killing and
 * removing them in v1 hierarchies and in v2. Nothing here knows the configuration: the
 * plan brings {file, value}. Paths are absolute directories on the host
 * ("/sys/fs/cgroup/memory/skiff/c1").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* Makes mount/path with its parents. v2: the controllers (CT_ bits of plan/host.h) are
 * enabled in the parents' cgroup.subtree_control as far as they are available; those
 * that are named again as CT_REQUIRED() must be, else the error names them and the
 * parent. v1: with CT_CPUSET a new cpuset gets its parent's cpus and mems. *ret_fd is
 * the directory (O_RDONLY|O_DIRECTORY). *ret_made says whether the last directory is
 * new; an existing one must hold no process (runc and crun refuse it likewise). On
 * failure nothing is left. 0 or -1. */
int cgroup_make(const char *mount, const char *path, uint32_t controllers, bool v1,
		int *ret_fd, bool *ret_made, struct err *e);
/* Opens mount/path, which must exist: the cgroup of a running container. controllers:
 * v2's, enabled as above; 0 = as it is. */
int cgroup_open(const char *mount, const char *path, uint32_t controllers, int *ret_fd,
		struct err *e);
/* One write of value into file below dirfd. Errors name the file and the value and say
 * what is wrong if it is known (ENOENT: controller not enabled; EBUSY: memory in use
 * ...). e->errnum is ENOENT also when dirfd is -1 (no cgroup). */
int cgroup_write(int dirfd, const char *file, const char *value, struct err *e);
/* v2: the directory and the files that a container may write to become uid's. */
int cgroup_give(int dirfd, uid_t uid, struct arena *arena, struct err *e);
int cgroup_join(int dirfd, pid_t pid, struct err *e);

/* Removes the directory and all below it. Waits for cgroup.events (v2) or in growing
 * steps (v1) while processes are leaving, at most timeout_ms; then the message names a
 * process that is left and its state. Missing is success. */
int cgroup_remove(const char *path, int timeout_ms, struct err *e);
/* SIGKILLs every process: cgroup.kill where it exists, else freeze (if possible),
 * kill, thaw. Missing is success. */
int cgroup_kill_all(const char *path, struct err *e);
/* Sends a signal to every process of the cgroup and those below it. */
int cgroup_signal_all(const char *path, int signal, struct err *e);
/* v2 cgroup.freeze or v1 freezer.state; waits until it has happened, at most
 * timeout_ms; then all is thawed and the message names a process that did not stop. */
int cgroup_freeze(const char *path, bool v1, bool frozen, int timeout_ms, struct err *e);
/* Whether the directory has a freezer. */
bool cgroup_can_freeze(const char *path, bool v1);
bool cgroup_is_frozen(const char *path, bool v1);
/* The pids of the cgroup and those below it, in the arena. */
int cgroup_pids(const char *path, struct arena *arena, pid_t **ret, size_t *ret_n,
		struct err *e);

/* --- out of memory --- */

/* Hears of processes that the kernel kills for memory: by changes of memory.events (v2), or
 * an eventfd (v1). */
struct oom_watch {
	int dir, fd; /* poll fd for `events`; -1 = none */
	short events;
	bool v1;
	uint64_t kills; /* v2: so far */
};
/* False: the directory has no memory controller. */
bool oom_watch_open(const char *path, bool v1, struct oom_watch *ret);
/* After a poll: whether there was one since. */
bool oom_watch_take(struct oom_watch *w);
void oom_watch_close(struct oom_watch *w);

/* --- device rules as BPF (v2) --- */

struct bpf_insn;   /* <linux/bpf.h> */
struct device_bpf; /* plan/devices.h */

/* A rule makes at most this many instructions, and the frame this many more. */
enum { DEVICES_BPF_RULE = 5, DEVICES_BPF_FRAME = 10 };
/* Writes the program for n rules into code, which has room; returns its length. For
 * tests, and for load. */
size_t devices_bpf_emit(const struct device_bpf *rules, size_t n, struct bpf_insn *code);

/* Compiles and loads; returns the program's fd in *ret_fd. */
int devices_bpf_load(const struct device_bpf *rules, size_t n, struct arena *arena,
		     int *ret_fd, struct err *e);
/* Attaches to the cgroup directory, alone (BPF_F_ALLOW_MULTI so that the engine's
 * programs count too). */
int devices_bpf_attach(int prog_fd, int cgroup_fd, struct err *e);
/* The program that skiff attached to the cgroup, -1 when there is none. */
int devices_bpf_find(int cgroup_fd, int *ret_prog_fd, struct err *e);
/* What the kernel calls a program; no two that are there have the same number. */
int devices_bpf_number(int prog_fd, uint32_t *ret, struct err *e);
/* One program in place of another, at once (Linux 5.6). */
int devices_bpf_replace(int prog_fd, int old_fd, int cgroup_fd, struct err *e);
int devices_bpf_detach(int prog_fd, int cgroup_fd, struct err *e);
