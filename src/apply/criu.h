/* criu.c: criu, and the helper that speaks with it (src/helpers/criu.c). Both are children of ours, and what criu restores is,
 * too. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "apply/criu_log.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct apply;

/* Numbers of descriptors in criu: the directories of the image and of its log, --status-fd, and the first of those that are
 * handed on. */
enum { CRIU_IMAGES = 5, CRIU_WORK = 6, CRIU_STATUS = 7, CRIU_FIRST_FD = 10 };
enum { CRIU_REQUEST_MAX = 128 * 1024, CRIU_BELOW_MAX = 256 };

struct criu {
	pid_t pid, helper; /* 0 = not there */
	int talk;          /* to the helper */
	struct criu_log log;
	bool lazy; /* a restore for which others bring the memory */
};

struct criu_start {
	const char *program; /* of criu */
	const char *const
		*stage; /* NULL or, for a restore: STAGE ROOTFS [PATH SOURCE]... */
	size_t n_stage;
	int images, work, status; /* status: or 0 */
	const int *fds;           /* get the numbers from CRIU_FIRST_FD on */
	size_t n_fds;
};

/* What criu says: a point at which it waits ("post-restore"), or the end. */
struct criu_said {
	bool end;
	char point[48];
	pid_t pid;
	int fd; /* came with it, the caller's; or -1 */
};

/* Where criu is, in the caller's PATH or the usual places; -1 with *e set. */
int criu_find(struct arena *arena, const char **ret, struct err *e);
int criu_open(const struct criu_start *how, struct arena *arena, struct criu *ret,
	      struct err *e);
/* One word of a request, and one after the other. */
void criu_word(struct buf *request, const char *word);
void criu_option(struct buf *request, const char *name, const char *form, ...)
	__attribute__((format(printf, 3, 4)));
int criu_ask(const struct criu *c, const struct buf *request, struct err *e);
/* Waits for what criu says next. A failure of criu's is -1. */
int criu_hear(const struct criu *c, struct criu_said *ret, struct err *e);
/* It may go on. */
int criu_go(const struct criu *c, struct err *e);
/* Ends both, by force if they have not ended. */
void criu_close(struct criu *c);

/* What a plan with steps of criu needs from its caller, and collects. */
struct criu_job {
	int images, work; /* directories, open until the end */
	int status;       /* --status-fd, or 0 */
	const char *work_path;
	const char *const *keys; /* restore: of descriptors that are handed on ... */
	const int *fds;          /* ... and these */
	size_t n_keys;
	pid_t pid;       /* dump: the container's init */
	bool keeps;      /* dump: the container goes on */
	const char *dir; /* the state directory */
	int state;       /* the same, open; restore: -1 */
	/* --- */
	struct criu criu;
	bool lazy;
	struct buf request;
	const char **stage;
	size_t n_stage;
	size_t n_below;   /* mounts below the source of a bind mount, among it, too */
	bool has_yard;    /* hierarchies of cgroups are among it */
	int inherited[4]; /* namespaces */
	size_t n_inherited;
	struct mount_table *mounts; /* dump: the container's, once they are needed */
	int root;
};

/* Names of what covers masked paths. */
#define CRIU_MASK_FILE   "skiff-masked-file"
#define CRIU_MASK_DIR    "skiff-masked-directory"
#define CRIU_DUMP_LOG    "dump.log"
#define CRIU_RESTORE_LOG "restore.log"

#define CRIU_STREAMS     "descriptors.json"
enum { CRIU_STREAMS_MAX = 256 };

/* criu_mounts.c: dump: whether a mount is one of the container's; -1 = error. */
int criu_has_mount(struct criu_job *j, unsigned long long id, struct arena *arena,
		   struct err *e);
/* restore.c */
/* What skiff-criu mounts or makes for criu: see src/helpers/criu_run.c. */
void criu_stage(struct apply *a, const char *path, const char *source);
/* criu_below.c: what the host has mounted below the source of a bind mount (rbind). */
struct criu_mount {
	unsigned long long id;
	const char *place; /* clean, as mountinfo has it */
};
/* dump: whether the mount m of the container, at `inside` (its directory open in root), is what the host has at suffix below
 * source. */
bool criu_is_below(int root, const struct criu_mount *m, int source, const char *suffix);
/* restore: tells criu of all there are. path: the destination. */
int criu_mount_below(struct apply *a, const char *path, const char *source,
		     struct err *e);
struct buf *criu_request(struct criu_job *j, struct arena *arena);
