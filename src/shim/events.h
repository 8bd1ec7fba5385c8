/* The events of tasks, as containerd knows them. */
#pragma once

#include "shim/task.h"

void event_create(const struct task *t);
void event_start(const struct proc *p); /* of init or of an exec */
void event_exec_added(const struct proc *p);
void event_exit(const struct proc *p);
void event_delete(const struct proc *p);
/* "/tasks/oom", "TaskOOM" and the like: only the container's id */
void event_note(const struct task *t, const char *topic, const char *type);
