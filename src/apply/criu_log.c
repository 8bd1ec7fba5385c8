/*
 * criu's log, the only place where it says what it failed at. Its first error is the cause; the last one is always that it
 * failed.
 */
#include "apply/criu_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum { LOG_MAX = 64 << 20, TAIL = 4096, GIVEN_UP_MS = 3000, SILENT_MS = 30000 };

/* "(00.012345) Error (criu/x.c:1): what", without what stands before "Error"; NULL = there is none. That criu could not
 * raise its own limits has no consequence by itself. */
static const char *first_error(char *log)
{
	char *save = NULL;

	for (char *line = strtok_r(log, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *found = strstr(line, "Error (");

		if (found && found - line < 32 &&
		    !strstr(found, "): rlimit: Can't setup"))
			return found;
	}
	return NULL;
}

/* What to do about errors that do not say it themselves. */
static const char *hint(const char *line)
{
	static const struct {
		const char *words, *hint;
	} known[] = {
		{ "has bad size",
		  "a file that was open must have the size that it had; the streams, "
		  "fd/0 to 2, are those of the restore's caller: give it the same "
		  "files, opened for appending (>>)" },
		{ "No mapping for",
		  "something was mounted below the source of a bind mount (rbind) and is "
		  "no longer" },
		{ ": File exists", "the process id is in use in the pid namespace that "
				   "is joined, if only by "
				   "a zombie or the session of one" },
		{ "has bad mode",
		  "a stream must be what it was, a file with the same permissions, a "
		  "device or a pipe" },
		{ "(criu/uffd.c:",
		  "the memory is brought by \"criu lazy-pages\", whose log "
		  "says more" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(line, known[i].words))
			return known[i].hint;
	return NULL;
}

int criu_blame(const struct criu_log *l, struct arena *arena, struct err *e)
{
	const char *line = NULL, *more = NULL;
	char *text;
	size_t n;

	if (!fd_read_file(l->dir, l->name, arena, LOG_MAX, &text, &n))
		line = first_error(text);
	if (line)
		snprintf(e->msg, sizeof(e->msg), "criu failed: %.600s", line);
	more = line ? hint(line) : NULL;
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, "%s%s (log file: %.300s/%s)",
		 more ? "; " : "", more ? more : "", l->path, l->name);
	return -1;
}

/* It says so, and ends at once; or it waits for processes that wait for it. */
static bool has_given_up(int fd, off_t size)
{
	char text[TAIL + 1];
	ssize_t n = pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);

	text[n < 0 ? 0 : n] = '\0';
	return strstr(text, "Killing processes because of failure on restore") ||
	       strstr(text, "Restoring FAILED") || strstr(text, "Dumping FAILED");
}

int criu_watch(struct criu_watch *w, int ms, struct err *e)
{
	auto_fd fd = openat(w->log.dir, w->log.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st = { 0 };

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	w->silent_ms = st.st_size == w->size ? w->silent_ms + ms : 0;
	w->size = st.st_size;
	w->given_up_ms = has_given_up(fd, st.st_size) ? w->given_up_ms + ms : 0;
	if (w->given_up_ms >= GIVEN_UP_MS)
		return err_set(e, ERR_HOST, "criu failed, and did not end");
	/* No page is read by criu itself then: nothing takes long. */
	if (w->lazy && w->silent_ms >= SILENT_MS)
		return err_set(
			e, ERR_HOST,
			"criu did nothing for %d s: does \"criu lazy-pages\" bring "
			"the memory?",
			SILENT_MS / 1000);
	return 0;
}
