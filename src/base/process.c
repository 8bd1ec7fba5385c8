/*
 * /proc/PID/status and wchan, see proc(5). Nothing here follows a process: what is read may
 * be old already, so it is good for messages, and for children, whose pids stay theirs.
 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum { STATUS_SIZE = 4096 };

/* The rest of the line that begins with key, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	if (!line || (line != text && line[-1] != '\n'))
		return NULL;
	line += strlen(key);
	return line + strspn(line, " \t");
}

static void copy_value(const char *text, const char *key, char *to, size_t size)
{
	const char *value = value_of(text, key);

	snprintf(to, size, "%.*s", value ? (int)strcspn(value, "\n") : 1,
		 value ? value : "?");
}

static pid_t number_of(const char *text, const char *key)
{
	const char *value = value_of(text, key);

	return value ? (pid_t)strtol(value, NULL, 10) : 0;
}

static unsigned count_words(const char *line)
{
	unsigned n = 0;

	while (line && *line && *line != '\n') {
		n++;
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	return n;
}

int process_read(pid_t pid, struct process_info *ret)
{
	char path[40], text[STATUS_SIZE];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	n = fd_read_line(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	*ret = (struct process_info){
		.pid = pid,
		.parent = number_of(text, "PPid:"),
		.group = number_of(text, "NSpgid:"),
		.levels = count_words(value_of(text, "NSpid:")),
	};
	copy_value(text, "Name:", ret->name, sizeof(ret->name));
	copy_value(text, "State:", ret->state, sizeof(ret->state));
	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)pid);
	if (fd_read_line(AT_FDCWD, path, ret->waits, sizeof(ret->waits)) <= 0 ||
	    !strcmp(ret->waits, "0"))
		ret->waits[0] = '\0';
	return 0;
}

bool process_is_zombie(const struct process_info *p)
{
	return p->state[0] == 'Z' || p->state[0] == 'X';
}

void process_describe(const struct process_info *p, char *to, size_t size)
{
	snprintf(to, size, "process %d (%s) is in state %s%s%s", (int)p->pid, p->name,
		 p->state, *p->waits ? ", in the kernel's " : "", p->waits);
}
