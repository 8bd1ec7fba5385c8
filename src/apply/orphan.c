/*
 * Collecting init after a failure, and what it left behind. At its entry into a pid namespace
 * init makes a process that stands in for it, as a child of ours, and leaves (src/init/ns.c).
 * If the namespace ends in the instant before the new one has told its pid, nobody knows that
 * child; uncollected it would hold up the end of the namespace's first process as long as we
 * live, and longer under an init that collects nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/process.h"

enum { CHILDREN_MAX = 1 << 20 };

static bool enters_pid(const struct plan *p)
{
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].op == OP_PID_ENTER)
			return true;
	return false;
}

/* Other children are the caller's: ours has init's name and process group, and is further
 * down in pid namespaces. Payloads of earlier requests have a session of their own. */
static bool is_successor(const struct process_info *p, const struct process_info *init)
{
	return p->levels > init->levels && p->group == init->group &&
	       !strcmp(p->name, init->name);
}

/* Those of this thread; the kernel names it as their parent. */
static bool reap_successor(struct apply *a, const struct process_info *init)
{
	char *text, *save = NULL;
	struct process_info p;
	bool found = false;
	size_t n;

	if (fd_read_file(AT_FDCWD, "/proc/thread-self/children", a->arena, CHILDREN_MAX,
			 &text, &n))
		return false;
	for (char *word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		pid_t pid = (pid_t)strtol(word, NULL, 10);

		if (pid <= 0 || process_read(pid, &p) < 0 || !is_successor(&p, init))
			continue;
		found = true;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return found;
}

bool reap_init(struct apply *a, siginfo_t *ret)
{
	bool maybe_more = !a->has_payload && enters_pid(a->plan);
	struct process_info init;

	memset(ret, 0, sizeof(*ret));
	/* It ends before we look: what it could leave is there then. */
	while (waitid(P_PID, (id_t)a->pid, ret, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	maybe_more = maybe_more && !process_read(a->pid, &init);
	while (waitid(P_PID, (id_t)a->pid, ret, WEXITED) < 0 && errno == EINTR)
		;
	a->reaped = true;
	return maybe_more && reap_successor(a, &init);
}
