/*
 * Groups of the resctrl file system: directories with a list of tasks, and schemata that divide caches and memory bandwidth.
 * Paths are absolute ("/sys/fs/resctrl/gold"). 0 or -1.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"

/* Finds or makes a group, by its owner (plan/plan.h). lines (NULL = none) are written to the schemata of a new or an own one;
 * a shared one that exists must have them already. *ret_made: the directory is the caller's to remove. */
int resctrl_make(const char *dir, enum resctrl_owner owner, const char *lines,
		 bool *ret_made, struct err *e);
int resctrl_write(const char *dir, const char *lines, struct err *e);
int resctrl_join(const char *dir, pid_t pid, struct err *e);
/* Its tasks go to the default group. unused: only if it has none. Missing is success. */
int resctrl_remove(const char *dir, bool unused, struct err *e);
