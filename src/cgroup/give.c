/*
 * Delegation. cgroup-v2.rst: "Delegation Containment": the user gets the directory and the
 * files that say how its own part is divided, not those that limit it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"

enum { LIST_MAX = 65536 };

int cgroup_give(int dirfd, uid_t uid, struct arena *arena, struct err *e)
{
	/* Before Linux 4.15 the kernel did not say. */
	char *list = arena_strdup(arena, "cgroup.procs\ncgroup.subtree_control\n"
					 "cgroup.threads");
	char *rest, *file;
	size_t n;

	if (fchown(dirfd, uid, (gid_t)-1) < 0)
		return err_sys(e, errno, "give the cgroup to user %u", uid);
	fd_read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", arena, LIST_MAX, &list, &n);
	for (file = strtok_r(list, "\n", &rest); file; file = strtok_r(NULL, "\n", &rest))
		/* The list is about all controllers; not all are enabled here. */
		if (!strchr(file, '/') &&
		    fchownat(dirfd, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return err_sys(e, errno, "give %s of the cgroup to user %u", file,
				       uid);
	return 0;
}
