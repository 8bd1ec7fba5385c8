/* What /proc tells about a process or a thread: for messages, and for finding our own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_info {
	pid_t pid, parent;
	pid_t group;     /* process group */
	unsigned levels; /* pid namespaces that it is in, ours included; 0 = unknown */
	char name[32];   /* of its program */
	char state[32];  /* "D (disk sleep)" */
	char waits[64];  /* the kernel's function that it sleeps in, "" = unknown */
};

/* pid may also be a thread's. 0 or -errno. */
int process_read(pid_t pid, struct process_info *ret);
bool process_is_zombie(const struct process_info *p);
/* "process 12 (sh) is in state D (disk sleep), in the kernel's do_wait": appended to what
 * a message says. */
void process_describe(const struct process_info *p, char *to, size_t size);
