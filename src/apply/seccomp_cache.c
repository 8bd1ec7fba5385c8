/*
 * Compiled filters on disk, so that the next start of the same profile need not compile.
 *
 * A file holds the whole canonical profile, what compiled it, and the program; it is used
 * only when all of that is the same byte for byte. Its name is a hash, which nothing
 * relies on. Whoever can write here can open the sandbox: so directory and files must be
 * ours and closed to others, and anything else is left unread and replaced. Every failure
 * means "not cached", never an error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/seccomp.h"
#include "base/fd.h"

enum { ENTRIES_MAX = 64 };

#define MAGIC        0x46434b53u
/* To be raised when seccomp_emit.c writes another program for the same profile. */
#define PROGRAM_FORM 1

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* In front of the profile and the program. */
struct header {
	uint32_t magic, form;
	uint32_t arch;       /* native */
	uint32_t library[3]; /* libseccomp as it runs, not as it was built against */
	char version[24];    /* of skiff */
	uint32_t n_profile, n_filter;
	uint64_t sum; /* of both: a file that was cut short by a crash */
};

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

#define HASH_START 0xcbf29ce484222325

static struct header make_header(const char *profile, size_t n, const void *filter,
				 uint32_t n_filter)
{
	const struct scmp_version *lib = seccomp_version();
	struct header h = {
		.magic = MAGIC,
		.form = PROGRAM_FORM,
		.arch = seccomp_arch_native(),
		.library = { lib->major, lib->minor, lib->micro },
		.version = PACKAGE_VERSION,
		.n_profile = (uint32_t)n,
		.n_filter = n_filter,
	};

	h.sum = hash(hash(HASH_START, profile, n), filter,
		     (size_t)n_filter * sizeof(struct sock_filter));
	return h;
}

static void file_name(const char *profile, size_t n, char *name, size_t size)
{
	snprintf(name, size, "%016llx.bpf",
		 (unsigned long long)hash(HASH_START, profile, n));
}

static bool is_ours(const struct stat *st, mode_t type, mode_t forbidden)
{
	return (st->st_mode & S_IFMT) == type && st->st_uid == geteuid() &&
	       !(st->st_mode & forbidden);
}

int sc_cache_open(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	auto_fd fd = openat(AT_FDCWD, path, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT && !mkdir(path, 0700))
		fd = openat(AT_FDCWD, path, flags);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st, S_IFDIR, 077))
		return -1;
	return fd_take(&fd);
}

void sc_cache_find(int dir, const char *profile, size_t n, struct arena *arena,
		   const void **ret, uint32_t *ret_n)
{
	const size_t largest = sizeof(struct header) + n +
			       SC_INSNS_MAX * sizeof(struct sock_filter);
	struct header want, *h;
	struct stat st;
	char name[32];

	*ret_n = 0;
	file_name(profile, n, name, sizeof(name));
	/* O_NONBLOCK: a FIFO must not hold us. */
	auto_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st, S_IFREG, 022) ||
	    st.st_size < (off_t)(sizeof(*h) + n) || st.st_size > (off_t)largest)
		return;
	char *data = arena_alloc(arena, (size_t)st.st_size);

	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return;
	h = (struct header *)data;
	if (h->n_profile != n || !h->n_filter || h->n_filter > SC_INSNS_MAX ||
	    (size_t)st.st_size !=
		    sizeof(*h) + n + h->n_filter * sizeof(struct sock_filter))
		return;
	want = make_header(profile, n, data + sizeof(*h) + n, h->n_filter);
	if (memcmp(h, &want, sizeof(want)) != 0 ||
	    memcmp(data + sizeof(*h), profile, n) != 0)
		return;
	*ret = data + sizeof(*h) + n;
	*ret_n = h->n_filter;
}

/* Makes room for one more; whatever lies here counts, also what a crash left. */
static void evict(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char oldest[256] = "";
	struct timespec when = { 0 };
	struct dirent *entry;
	int entries = 0;

	if (!d) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(d))) {
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!entries++ || st.st_mtim.tv_sec < when.tv_sec ||
		    (st.st_mtim.tv_sec == when.tv_sec &&
		     st.st_mtim.tv_nsec < when.tv_nsec)) {
			when = st.st_mtim;
			snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
	}
	closedir(d);
	if (entries >= ENTRIES_MAX)
		unlinkat(dir, oldest, 0);
}

void sc_cache_store(int dir, const char *profile, size_t n, const void *filter,
		    uint32_t n_filter, struct arena *arena)
{
	size_t filter_size = (size_t)n_filter * sizeof(struct sock_filter), size;
	struct header h = make_header(profile, n, filter, n_filter);
	char name[32], tmp[64], *data;

	size = sizeof(h) + n + filter_size;
	data = arena_alloc(arena, size);
	memcpy(data, &h, sizeof(h));
	memcpy(data + sizeof(h), profile, n);
	memcpy(data + sizeof(h) + n, filter, filter_size);

	evict(dir);
	file_name(profile, n, name, sizeof(name));
	/* Two starts at once must not write the same temporary file. */
	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", name, (int)getpid());
	auto_fd fd = openat(dir, tmp,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 &&
	    (fd_write_all(fd, data, size) || renameat(dir, tmp, dir, name) < 0))
		unlinkat(dir, tmp, 0);
}
