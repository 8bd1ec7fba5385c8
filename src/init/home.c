/*
 * HOME from the container's /etc/passwd. The file is hostile: it may be a FIFO, a device,
 * endless or garbage (peers hang or eat a gigabyte), so only a regular file is read, and
 * no more than 1 MiB of it.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "init/stat.h"

#define PASSWD_MAX (1 << 20)
/* name : password : uid : gid : comment : home : shell */
enum { FIELD_UID = 2, FIELD_HOME = 5 };

static void next_line(struct home_scan *h)
{
	h->field = h->digits = 0;
	h->number = h->len = 0;
	h->bad = false;
}

static bool end_field(struct home_scan *h)
{
	if (h->field == FIELD_UID)
		h->bad = h->bad || !h->digits || h->number != h->uid;
	if (h->field == FIELD_HOME && !h->bad) {
		h->to[h->len] = '\0';
		h->found = true;
	}
	h->field++;
	return h->found;
}

static void take_char(struct home_scan *h, char ch)
{
	unsigned digit = (unsigned)(ch - '0');

	if (h->field == FIELD_UID) {
		h->bad = h->bad || digit > 9 || ++h->digits > 10;
		h->number = h->number * 10 + digit;
	}
	if (h->field == FIELD_HOME) {
		h->bad = h->bad || !ch || h->len + 1 >= h->size;
		if (!h->bad)
			h->to[h->len++] = ch;
	}
}

bool home_feed(struct home_scan *h, const char *data, size_t n)
{
	for (size_t i = 0; i < n && !h->found; i++) {
		if (data[i] == '\n') {
			/* A line without a shell still has a home. */
			if (h->field == FIELD_HOME && end_field(h))
				return true;
			next_line(h);
		} else if (data[i] == ':') {
			if (end_field(h))
				return true;
		} else {
			take_char(h, data[i]);
		}
	}
	return h->found;
}

static void scan(int fd, struct home_scan *h)
{
	char chunk[1024];
	long n = 0, total = 0;

	while (total < PASSWD_MAX && (n = sys_read(fd, chunk, sizeof(chunk))) > 0) {
		if (home_feed(h, chunk, (size_t)n))
			return;
		total += n;
	}
	if (n == 0)
		home_feed(h, "\n", 1); /* the last line may lack its end */
}

/* After the pivot: links stay inside. */
static int open_passwd(struct init *c)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
				.resolve = RESOLVE_NO_MAGICLINKS };
	long fd = sys_openat2(AT_FDCWD, "/etc/passwd", &how, sizeof(how));

	if (fd == -ENOSYS || fd == -EPERM)
		fd = sys_openat(AT_FDCWD, "/etc/passwd", (int)how.flags | O_NOFOLLOW, 0);
	return fds_note(c, fd);
}

int op_home(struct init *c, const struct step *s)
{
	size_t at = text_add(c->home, sizeof(c->home), 0, "HOME=");
	struct home_scan h = { .uid = (uint32_t)s->word[0],
			       .to = c->home + at,
			       .size = sizeof(c->home) - at };
	int fd = open_passwd(c);

	if (fd >= 0 && path_type(fd) == S_IFREG)
		scan(fd, &h);
	if (!h.found || c->home[at] != '/')
		text_add(c->home, sizeof(c->home), at, "/");
	return 0;
}
