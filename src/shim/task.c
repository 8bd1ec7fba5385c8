/* Lists of tasks and processes; libskiff's context for one request. */
#include "shim/task.h"

#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "shim/log.h"
#include "shim/oom.h"

struct shim shim;

struct task *task_find(const char *id)
{
	struct task *t = shim.tasks;

	while (t && strcmp(t->id, id) != 0)
		t = t->next;
	return t;
}

struct proc *proc_find(struct task *t, const char *exec_id)
{
	struct proc *p = t->execs;

	if (!*exec_id)
		return t->init;
	while (p && strcmp(p->id, exec_id) != 0)
		p = p->next;
	return p;
}

struct proc *proc_new(struct task *t, const char *id)
{
	struct arena arena;
	struct proc *p;

	if (arena_init(&arena) < 0)
		return NULL;
	p = arena_new(&arena, struct proc);
	p->id = arena_strdup(&arena, id);
	p->arena = arena;
	p->task = t;
	p->pidfd = -1;
	work_init(&p->work);
	stdio_init(&p->stdio, &p->arena, false, "", "", "");
	return p;
}

void proc_free(struct proc *p)
{
	struct arena arena = p->arena;
	struct proc **at = &p->task->execs;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at) {
		*at = p->next;
		p->task->n_execs--;
	}
	timer_stop(&p->patience);
	work_forget(&p->work);
	stdio_close(&p->stdio);
	fd_close(&p->pidfd);
	arena_done(&arena);
}

void task_add(struct task *t)
{
	t->next = shim.tasks;
	shim.tasks = t;
}

void task_add_exec(struct task *t, struct proc *p)
{
	p->next = t->execs;
	t->execs = p;
	t->n_execs++;
}

void task_free(struct task *t)
{
	struct task **at = &shim.tasks;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	oom_end(t);
	while (t->execs)
		proc_free(t->execs);
	/* The task itself lies in init's memory. */
	proc_free(t->init);
}

struct skiff *task_skiff(const struct task *t, struct skiff_error *e)
{
	struct skiff_options o = {
		.size = sizeof(o),
		.root = t->options.root,
		.cgroup_manager = t->options.systemd_cgroup ? "systemd" : NULL,
	};
	struct skiff *s;

	return skiff_new(&o, &s, e) < 0 ? NULL : s;
}

void task_skiff_end(struct skiff *s)
{
	const char *text;

	while ((text = skiff_next_warning(s)))
		shim_log("warning", "%s", text);
	skiff_free(s);
}
