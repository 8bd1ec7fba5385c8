/*
 * HOST steps of checkpoint and restore: a request to criu is collected step by step, sent, and followed from one point to
 * the next. criu stops at each of them until it is told to go on, which is when the steps between are done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/criu.h"
#include "apply/helper.h"
#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The names have been runc's and crun's, too: images can be exchanged. by_fd: criu has the namespace handed in, else it joins
 * it by its file. */
static const struct ns_name {
	uint32_t flag;
	const char *file, *external;
} kinds[] = {
	{ CLONE_NEWNET, "net", "extRootNetNS" }, { CLONE_NEWPID, "pid", "extRootPidNS" },
	{ CLONE_NEWIPC, "ipc", NULL },           { CLONE_NEWUTS, "uts", NULL },
	{ CLONE_NEWTIME, "time", NULL },
};

struct buf *criu_request(struct criu_job *j, struct arena *arena)
{
	if (!j->request.arena)
		buf_init(&j->request, arena, CRIU_REQUEST_MAX);
	return &j->request;
}

static struct buf *request_of(struct apply *a)
{
	return criu_request(a->criu, a->arena);
}

int host_criu_option(struct apply *a, const struct step *s, struct err *e)
{
	(void)e;
	a->criu->lazy |= !strcmp(text_of(a, s->str[0]), "lazy-pages");
	criu_word(request_of(a), text_of(a, s->str[0]));
	if (s->str[1])
		criu_word(request_of(a), text_of(a, s->str[1]));
	return 0;
}

int host_criu_hierarchy(struct apply *a, const struct step *s, struct err *e)
{
	(void)e;
	criu_stage(a, text_of(a, s->str[0]), text_of(a, s->str[1]));
	a->criu->has_yard = true;
	return 0;
}

int host_criu_cgroup(struct apply *a, const struct step *s, struct err *e)
{
	(void)e;
	criu_word(request_of(a), "cgroup-root");
	criu_word(request_of(a), text_of(a, s->str[0]));
	criu_word(request_of(a), text_of(a, s->str[1]));
	return 0;
}

static int leave_ns(struct apply *a, const struct ns_name *n, struct err *e)
{
	char path[48];
	struct stat st;

	/* Others are saved, and joined instead of made when they are restored. */
	if (!n->external)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)a->criu->pid, n->file);
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "look at the container's %s namespace", n->file);
	criu_option(request_of(a), "external", "%s[%llu]:%s", n->file,
		    (unsigned long long)st.st_ino, n->external);
	return 0;
}

static int enter_ns(struct apply *a, const struct ns_name *n, int fd, struct err *e)
{
	struct criu_job *j = a->criu;

	if (!n->external) {
		criu_word(request_of(a), "join-ns");
		criu_word(request_of(a), n->file);
		criu_word(request_of(a),
			  arena_printf(a->arena, "/proc/%d/fd/%d", (int)getpid(), fd));
		return 0;
	}
	if (j->n_inherited == sizeof(j->inherited) / sizeof(j->inherited[0]))
		return err_set(e, ERR_CONFIG, "too many namespaces");
	criu_word(request_of(a), "inherit");
	criu_word(request_of(a), n->external);
	criu_word(request_of(a),
		  arena_printf(a->arena, "%d", CRIU_FIRST_FD + (int)j->n_inherited));
	j->inherited[j->n_inherited++] = fd;
	return 0;
}

int host_criu_ns(struct apply *a, const struct step *s, struct err *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].flag == s->word[0])
			return a->criu->pid ? leave_ns(a, &kinds[i], e)
					    : enter_ns(a, &kinds[i],
						       slot_of(a, s->slot[0]), e);
	return err_set(e, ERR_CONFIG,
		       "criu cannot restore into a namespace of this kind");
}

/* --- criu itself --- */

/* Streams and namespaces of ours get their numbers in criu. */
static void inherit_streams(struct apply *a, int *fds)
{
	struct criu_job *j = a->criu;

	for (size_t i = 0; i < j->n_inherited; i++)
		fds[i] = j->inherited[i];
	for (size_t i = 0; i < j->n_keys; i++) {
		size_t at = j->n_inherited + i;

		fds[at] = j->fds[i];
		criu_word(request_of(a), "inherit");
		criu_word(request_of(a), j->keys[i]);
		criu_word(request_of(a),
			  arena_printf(a->arena, "%d", CRIU_FIRST_FD + (int)at));
	}
}

void criu_stage(struct apply *a, const char *path, const char *source)
{
	struct criu_job *j = a->criu;

	if (!j->stage)
		j->stage = arena_array(a->arena, 2 * (a->plan->host.n + CRIU_BELOW_MAX),
				       sizeof(*j->stage));
	j->stage[j->n_stage++] = path;
	j->stage[j->n_stage++] = source;
}

/* STAGE ROOTFS before what is mounted and made there. */
static const char **stage_of(struct apply *a, const char *rootfs, size_t *ret_n)
{
	struct criu_job *j = a->criu;
	const char **v = arena_array(a->arena, j->n_stage + 2, sizeof(*v));

	v[0] = arena_printf(a->arena, "%s/criu", j->dir);
	v[1] = rootfs;
	if (j->n_stage)
		memcpy(v + 2, j->stage, j->n_stage * sizeof(*v));
	*ret_n = j->n_stage + 2;
	return v;
}

static void ask_for_stage(struct apply *a, const char *stage, bool restore)
{
	if (a->criu->has_yard)
		criu_option(request_of(a), "cgroup-yard", "%s/cgroups", stage);
	if (!restore)
		return;
	criu_option(request_of(a), "external", "mnt[" CRIU_MASK_FILE "]:%s/f", stage);
	criu_option(request_of(a), "external", "mnt[" CRIU_MASK_DIR "]:%s/d", stage);
	criu_option(request_of(a), "root", "%s/root", stage);
}

/* Left over from a skiff that was killed. */
static int make_stage(const struct apply *a, const char *path, struct err *e)
{
	if (mkdirat(a->criu->state, "criu", 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s", path);
	return 0;
}

int host_criu_open(struct apply *a, const struct step *s, struct err *e)
{
	struct criu_job *j = a->criu;
	size_t n = j->n_keys + j->n_inherited;
	struct criu_start how = {
		.program = text_of(a, s->str[0]),
		.images = j->images,
		.work = j->work,
		.status = j->status,
		.n_fds = n,
	};
	int *fds = arena_array(a->arena, n + 1, sizeof(*fds)), r;
	bool restore = s->str[1];

	how.stage = stage_of(a, text_of(a, s->str[1]), &how.n_stage);
	if (restore)
		j->state = slot_of(a, SLOT_STATE);
	if (make_stage(a, how.stage[0], e) < 0)
		return -1;
	inherit_streams(a, fds);
	how.fds = fds;
	r = criu_open(&how, a->arena, &j->criu, e);
	if (r < 0)
		return -1;
	ask_for_stage(a, how.stage[0], restore);
	if (restore) {
		/* Who is put into the cgroups: what criu makes is there, too. */
		a->pid = a->payload = j->criu.pid;
	}
	return 0;
}

static int ask(struct apply *a, const char *verb, const char *log, struct err *e)
{
	struct criu_job *j = a->criu;
	struct buf all;

	j->criu.log = (struct criu_log){ j->work, j->work_path, log };
	/* What is in it now is about something else. */
	unlinkat(j->work, log, 0);
	buf_init(&all, a->arena, CRIU_REQUEST_MAX);
	criu_word(&all, verb);
	criu_option(&all, "images", "%d", CRIU_IMAGES);
	criu_option(&all, "work", "%d", CRIU_WORK);
	criu_option(&all, "log-file", "%s", log);
	criu_option(&all, "log-level", "4");
	if (j->status)
		criu_option(&all, "status-fd", "%d", CRIU_STATUS);
	buf_add(&all, j->request.p, j->request.len);
	all.full |= j->request.full;
	return criu_ask(&j->criu, &all, e);
}

static void end(struct criu_job *j)
{
	criu_close(&j->criu);
	unlinkat(j->state, "criu", AT_REMOVEDIR);
}

int host_criu_dump(struct apply *a, const struct step *s, struct err *e)
{
	struct criu_job *j = a->criu;
	struct criu_said said = { 0 };
	int r;

	criu_option(request_of(a), "pid", "%d", (int)j->pid);
	r = ask(a, s->word[0] ? "pre-dump" : "dump", CRIU_DUMP_LOG, e);
	while (!r && !said.end) {
		r = criu_hear(&j->criu, &said, e);
		fd_close(&said.fd);
		if (!r && !said.end)
			r = criu_go(&j->criu, e);
	}
	end(j);
	return r < 0 ? criu_blame(&j->criu.log, a->arena, e) : 0;
}

/* --- restore --- */

/* criu has its hands off the terminal: who keeps the master? */
static int take_master(struct apply *a, const struct step *s, int fd, struct err *e)
{
	int console = slot_of(a, s->slot[0]), r;

	if (console < 0)
		return a->calls && a->calls->tty_take ? a->calls->tty_take(a, fd, e)
						      : (close(fd), 0);
	r = send_fd(console, "/dev/ptmx", sizeof("/dev/ptmx"), fd, e);
	close(fd);
	return r;
}

/* Goes on until criu is at a point, or at its end (NULL). */
static int until(struct apply *a, const struct step *s, const char *point, struct err *e)
{
	struct criu_job *j = a->criu;
	struct criu_said said;

	for (;;) {
		if (criu_hear(&j->criu, &said, e) < 0)
			return -1;
		if (said.fd >= 0 && !strcmp(said.point, "orphan-pts-master")) {
			if (take_master(a, s, fd_take(&said.fd), e) < 0)
				return -1;
		}
		fd_close(&said.fd);
		if (said.end)
			return point ? err_set(e, ERR_HOST, "criu ended before \"%s\"",
					       point)
				     : 0;
		if (point && !strcmp(said.point, point)) {
			a->pid = a->payload = said.pid;
			return 0;
		}
		if (criu_go(&j->criu, e) < 0)
			return -1;
	}
}

static int blame(struct apply *a, struct err *e)
{
	struct criu_job *j = a->criu;

	/* What it writes while it gives up is not the cause. */
	criu_close(&j->criu);
	return criu_blame(&j->criu.log, a->arena, e);
}

int host_criu_restore(struct apply *a, const struct step *s, struct err *e)
{
	int pidfd;

	a->pid = a->payload = -1;
	a->criu->criu.lazy = a->criu->lazy;
	if (ask(a, "restore", CRIU_RESTORE_LOG, e) < 0 ||
	    until(a, s, "setup-namespaces", e) < 0)
		return blame(a, e);
	/* Our own child, which nobody else waits for. */
	pidfd = (int)sys_pidfd_open((int)a->pid, 0);
	if (pidfd < 0)
		return err_sys(e, -pidfd, "pidfd_open");
	slot_set(a, SLOT_PIDFD, pidfd);
	return 0;
}

int host_criu_fill(struct apply *a, const struct step *s, struct err *e)
{
	if (criu_go(&a->criu->criu, e) < 0 || until(a, s, "post-restore", e) < 0)
		return blame(a, e);
	return 0;
}

int host_criu_resume(struct apply *a, const struct step *s, struct err *e)
{
	struct criu_job *j = a->criu;

	if (criu_go(&j->criu, e) < 0 || until(a, s, NULL, e) < 0)
		return blame(a, e);
	/* By itself: what it does last is to let go of the processes. */
	helper_end(j->criu.pid);
	j->criu.pid = 0;
	end(j);
	return 0;
}

void criu_undo(struct apply *a)
{
	if (a->criu->state >= 0)
		end(a->criu);
}
