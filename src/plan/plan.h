/*
 * The plan: what will be done, as data. Two flat arrays of small POD steps, one for the host side (skiff
 * itself, src/apply) and one for the init program (src/init), paired by sync steps. No loops, no jumps: a
 * step is done in the order it stands, with at most one "or else the next step". ops.def lists every
 * operation with its operands.
 *
 * This header is shared with the freestanding init program: no libc beyond types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC   0x6b736966u
#define PLAN_VERSION 1

enum op {
	OP_NONE,
#define OP(id, name, who, form, doc) OP_##id,
#include "plan/ops.def"
#undef OP
	OP_COUNT
};

/* What a failing step means. */
enum policy {
	POL_FAIL,        /* the container fails */
	POL_SKIP_ENOENT, /* "no such file" is fine: there is nothing to hide or to change */
	POL_ALT, /* on EPERM, EACCES, EINVAL, ENOSYS, ENODEV do the next step instead; the next step is
			   * left out when this one succeeds. Host side, cgroup.write only: on ENOENT */
	POL_WARN, /* reported at debug level, the container goes on */
};

/*
 * Slots name file descriptors. The host side opens most of them before init is spawned (init inherits them
 * by the clone and finds their numbers in the flat plan); init opens the others itself.
 */
enum slot {
	SLOT_NONE = -1,
	SLOT_TALK,    /* the socket between host and init; each side has its own end */
	SLOT_LISTEN,  /* the listening socket `start` connects to */
	SLOT_CONSOLE, /* connected to --console-socket */
	SLOT_STATE,   /* host: the container's state directory */
	SLOT_CGROUP,  /* host: directory of the container's cgroup (v2) */
	SLOT_PIDFD,   /* host: init; exec: the container's init */
	SLOT_ROOTFS,  /* detached tree of the root file system, later the attached root */
	SLOT_TARGET,  /* init: mount point in hand */
	SLOT_MOUNT,   /* init: mount in hand */
	SLOT_DEV,     /* init: the container's /dev */
	SLOT_MASKS, /* init: read-only tmpfs holding an empty directory "d" and an empty file "f" */
	SLOT_PROC,    /* init: private procfs mount, never attached */
	SLOT_TTY,     /* init: terminal of the payload */
	SLOT_TRACE,   /* the shared page of --trace */
	SLOT_NET,     /* host: the helper that moves network devices */
	SLOT_NOTIFY,  /* host: what the container says about its readiness */
	SLOT_UNIT,    /* host: the helper that speaks with systemd */
	SLOT_DYNAMIC, /* first slot of bind sources, joined namespaces, v1 cgroups ... */
};

struct step {
	uint8_t op, policy;
	uint16_t flags; /* of the operation, STEP_* below */
	int16_t slot[2];
	uint32_t str[2]; /* offsets into the strings; 0 = none */
	uint64_t word[3];
	uint32_t origin; /* string: JSON path that asks for this step; 0 = always done */
	uint32_t pad;
};

/* Flags of single operations. */
enum step_flag {
	STEP_REC = 1,  /* tree, source, mount attr: the whole tree */
	STEP_DIR = 2,  /* target: a directory; mask: most likely one (a hint) */
	STEP_FILE = 4, /* target: a file */
	STEP_LIKE = 8, /* target: what slot[1] is */
	/* target: refuse a symbolic link as last part (proc, sysfs: CVE-2019-19921) */
	STEP_NO_SYMLINK = 16,
	/* source, target: do not follow a symbolic link as last part */
	STEP_NOFOLLOW = 32,
	STEP_IN_USERNS =
		64, /* node: bind the host's device, mknod is not possible; source: that */
	/* wait: on SLOT_LISTEN instead of SLOT_TALK (created, waiting for start) */
	STEP_ACCEPT = 128,
	STEP_V1 = 256, /* cgroup: a v1 hierarchy */
	/* seccomp: the last chance to load before the exec; source: no other way to clone */
	STEP_LAST = 512,
	/* cgroup.write, devices.attach: what was before comes back when a later step
	 * fails */
	STEP_PUT_BACK = 1024,
};

/* cgroup.make: whether it makes the directory, and what one that exists may be. */
enum cgroup_maker {
	CGROUP_EXISTING, /* it must be there */
	CGROUP_EMPTY,    /* nobody is in it */
	CGROUP_ANYBODYS, /* systemd may have made it, and put init there */
};

/* resctrl.make: whose a group is. */
enum resctrl_owner {
	RESCTRL_EXISTING, /* the administrator's: it must be there */
	RESCTRL_SHARED, /* whoever comes first makes it, whoever leaves last removes it */
	RESCTRL_OWN,    /* the container's */
};

/* The points at which both sides meet; the byte that is sent. */
enum sync {
	SYNC_NONE,
	SYNC_USER, /* init -> host: the user namespace is made, and waits for its maps */
	SYNC_MAPPED,    /* host -> init: uid_map and gid_map are written */
	SYNC_IN_CGROUP, /* host -> init: init was moved into its cgroups */
	SYNC_READY, /* init -> host: mounts and devices made, the old root still there */
	SYNC_GO,    /* host -> init: device BPF attached, hooks done */
	SYNC_CREATED, /* init -> host: isolated; what remains is the payload's identity */
	SYNC_START,   /* host or `start` -> init: go on to the payload */
	SYNC_LISTENER, /* init -> host: the seccomp listener's fd number follows */
	SYNC_TAKEN,    /* host -> init: the listener was taken */
	SYNC_PAYLOAD, /* init -> host: the pid of the payload (exec into a pid namespace) */
	SYNC_TTY, /* init -> host: the terminal's master comes with it (nobody waits for it by a step) */
	SYNC_MOUNTED, /* init -> host: the id of a mount into a running container */
	SYNC_EXEC, /* init -> host: executing; what follows is a failure or end-of-file */
	SYNC_COUNT
};

/*
 * What init says on a socket (SOCK_SEQPACKET): always this header. A failure on the start socket is followed, in
 * the same packet, by the step's origin and first string, NUL-terminated: `start` has no plan.
 */
struct report {
	uint8_t what; /* enum sync, or 0 for a failure */
	uint8_t op;
	uint16_t step; /* index in the INIT list */
	int32_t value; /* failure: positive errno; SYNC_LISTENER: fd; SYNC_PAYLOAD: pid */
};

/* The flat form in which the plan reaches init: one memfd, mapped privately and writable. Everything is an
 * offset from the beginning. */
struct plan_flat {
	uint32_t magic, version;
	uint32_t size;
	uint32_t n_steps, steps;     /* struct step[] of the INIT list */
	uint32_t n_slots, slots;     /* int32_t[]: fd numbers, -1 = not open */
	uint32_t strings, n_strings; /* bytes; string offsets of steps count from here */
	uint32_t filter, n_filter;   /* struct sock_filter[] of the seccomp filter */
	uint32_t scratch, n_scratch; /* pointer room for argv and envp */
	int32_t first_free;          /* no inherited fd has this number or a higher one */
};

/* The page(s) shared with init: SLOT_TRACE, there for --trace and for a seccomp listener. */
struct trace_page {
	uint32_t stamping; /* init stamps each step */
	/* Host: the listener was taken (init can make no system call to hear it). */
	uint32_t taken;
	struct {
		int64_t begin, end;
	} steps[]; /* CLOCK_MONOTONIC, ns; 0 = not done */
};

enum who { WHO_HOST = 1, WHO_INIT = 2, WHO_BOTH = 3 };

struct op_info {
	const char *name; /* "mount.attach" */
	enum who who;
	const char *form; /* printed form, see print.c */
	const char *doc;  /* one line for skiff-plan(1) */
};

/* One row per enum op. */
const struct op_info *op_info(enum op op);
const char *sync_name(enum sync s);
