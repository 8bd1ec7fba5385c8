/*
 * The init program: a freestanding process that carries out the INIT steps of one plan
 * inside the new namespaces and then becomes the container's program. No libc, no heap,
 * no stdio, no global state. Every function returns 0 (or a descriptor) or -errno; the
 * first failure ends it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "init/ops.h"
#include "init/text.h"
#include "plan/plan.h"

#define INIT_PATH_MAX 4096
#define INIT_NAME_MAX 255
#define PENDING_MAX   4

/* A slot's value with this bit: an O_PATH descriptor to be bound by mount(2), not a
 * detached mount. */
#define SLOT_PLAIN    0x40000000

struct init {
	const struct plan_flat *flat;
	const struct step *steps;
	const struct step *step; /* in hand */
	int32_t *slots;
	char *strings; /* of the private mapping: path.c cuts them for a moment */
	struct trace_page *page; /* NULL = none */
	int high;                /* highest descriptor seen: when to sweep */

	/* The directory the last mount point was made in: its neighbours are likely to
	 * be missing as well. */
	int made_in;
	const char *made_path;
	size_t made_len;

	int mask_spare
		[2]; /* clones of the empty file and directory that found no use yet, or -1 */
	bool classic; /* move_mount was refused for the root: mount(2) does everything */
	bool live;    /* inside a running container: its /proc is not to be trusted */
	uint64_t confine; /* RESOLVE_* for every name */
	bool no_openat2, no_tree_attr, masks_attached;
	bool shared; /* mounts were made shared: the old root must not tell its end */
	bool joined_user;      /* in a user namespace that existed before */
	bool filtered;         /* the system call filter is on */
	bool ready;            /* exec_prepare is done */
	bool closed;           /* what the payload must not have is closed at the exec */
	bool attached;         /* mount(2) has put SLOT_MOUNT in its place already */
	const struct step *fs; /* OP_FS that mount(2) carries out at its OP_ATTACH */
	const struct step *copy;                 /* OP_COPY_UP likewise */
	const struct step *pending[PENDING_MAX]; /* OP_MOUNT_ATTR likewise */

	const char *detail; /* what the kernel said about the failure, or NULL */
	char detail_text[160];
	char home[1024];             /* "HOME=..." */
	char program[INIT_PATH_MAX]; /* what FIND found */
};

extern init_op *const init_ops[OP_COUNT]; /* table.c */

/* start.c, main.c */
int init_main(int argc, char **argv);
int init_run(struct init *c);

/* fds.c: descriptors and slots */
/* Notes a new descriptor (or passes an error on). */
int fds_note(struct init *c, long fd);
/* A slot's descriptor, or -EBADF. */
int fds_slot(const struct init *c, int slot);
void fds_set(struct init *c, int slot, int fd);
/* So many have gathered that it is time to sweep. Between steps only: a step's own are
 * in no slot yet. */
bool fds_are_many(const struct init *c);
/* Closes, from `from` on, what stands in no slot. */
int fds_sweep(struct init *c, int from);
/* Closes what no later step needs, the root's descriptor included: after the pivot. */
int fds_forget(struct init *c);

/* talk.c */
int talk_tell(struct init *c, enum sync what, int value);
int talk_send_fd(int sock, const void *data, size_t len, int fd);
void talk_fail(struct init *c, size_t step, int error);

/* exec.c */
/* Before the filter that may refuse it. */
int exec_close_early(struct init *c);
int exec_prepare(struct init *c, const struct step *s);

static inline const char *str(const struct init *c, uint32_t offset)
{
	return c->strings + offset;
}

/* seccomp.c: the plan's filter would let the kernel do the call. */
bool filter_lets(const struct init *c, uint32_t nr, const uint64_t args[6]);
/* The same, or an agent would be asked, which knows of the filter by then. */
bool filter_passes(const struct init *c, uint32_t nr, const uint64_t args[6]);
/* trust.c: 0, or -EPERM when the filter would stand between init and the steps after s. */
int filter_is_honest(struct init *c, const struct step *s);
