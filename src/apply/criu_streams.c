/*
 * What connects a container's init with the outside: pipes, sockets, terminals and files that were open when it began.
 * criu leaves them out, and a restore hands in others for them. Their names, by descriptor, are in descriptors.json of
 * the image, where runc and crun have them, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/criu.h"
#include "apply/parts.h"
#include "base/fd.h"

enum { KEY_MAX = 96 };

static int mount_of(const struct criu_job *j, int fd, unsigned long long *ret)
{
	char path[64], text[4096];
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)j->pid, fd);
	n = fd_read_line(AT_FDCWD, path, text, sizeof(text));
	at = n > 0 ? strstr(text, "mnt_id:") : NULL;
	if (!at)
		return -1;
	*ret = strtoull(at + strlen("mnt_id:"), NULL, 10);
	return 0;
}

/* Fills key with criu's name of a stream from outside; "" = it is the container's own. *ret_leave: criu must be told. */
static int name_stream(struct apply *a, int fd, char key[KEY_MAX], bool *ret_leave,
		       struct err *e)
{
	struct criu_job *j = a->criu;
	unsigned long long mount;
	char path[64], link[64];
	struct stat st;
	ssize_t n;
	int own;

	*key = '\0';
	*ret_leave = false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)j->pid, fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 || stat(path, &st) < 0)
		return 0;
	link[n] = '\0';
	if (!strncmp(link, "pipe:[", 6) || !strncmp(link, "socket:[", 8)) {
		snprintf(key, KEY_MAX, "%s", link);
		return 0;
	}
	if (mount_of(j, fd, &mount) < 0 || !strncmp(link, "anon_inode:", 11))
		return 0;
	own = criu_has_mount(j, mount, a->arena, e);
	if (own)
		return own < 0 ? -1 : 0;
	*ret_leave = true;
	if (S_ISCHR(st.st_mode) && st.st_rdev >> 8 >= 136 && st.st_rdev >> 8 < 144) {
		snprintf(key, KEY_MAX, "tty[%llx:%llx]", (unsigned long long)st.st_rdev,
			 (unsigned long long)st.st_dev);
		return 0;
	}
	snprintf(key, KEY_MAX, "file[%llx:%llx]", mount, (unsigned long long)st.st_ino);
	return 0;
}

static int highest_fd(const struct criu_job *j, struct err *e)
{
	const struct dirent *entry;
	char path[48];
	int top = 2;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)j->pid);
	d = opendir(path);
	if (!d)
		return err_sys(e, errno, "read %s", path);
	while ((entry = readdir(d)))
		if (atoi(entry->d_name) > top && atoi(entry->d_name) < CRIU_STREAMS_MAX)
			top = atoi(entry->d_name);
	closedir(d);
	return top;
}

int host_criu_streams(struct apply *a, const struct step *s, struct err *e)
{
	struct criu_job *j = a->criu;
	int top = highest_fd(j, e), r;
	char key[KEY_MAX];
	struct buf b;
	bool leave;

	(void)s;
	if (top < 0)
		return -1;
	buf_init(&b, a->arena, 1 << 16);
	for (int fd = 0; fd <= top; fd++) {
		if (name_stream(a, fd, key, &leave, e) < 0)
			return -1;
		buf_char(&b, fd ? ',' : '[');
		buf_json(&b, key);
		if (leave)
			criu_option(criu_request(j, a->arena), "external", "%s", key);
	}
	buf_str(&b, "]\n");
	r = fd_replace_file(j->images, CRIU_STREAMS, b.p, b.len, 0600);
	return r < 0 ? err_sys(e, -r, "write " CRIU_STREAMS " of the image") : 0;
}
