/*
 * Helper programs: what few containers need and would cost all of them a library. They get the environment that is named, most have none, and only the
 * descriptors that are named here, beside those that the caller left open over an exec.
 */
#include "apply/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int helper_start(const char *path, char *const *argv, char *const *env,
		 const struct helper_fd *fds, size_t n, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t signals;
	char *none[] = { NULL };
	int r;

	sigemptyset(&signals);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &signals);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	for (size_t i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&files, fds[i].from, fds[i].to);
	r = posix_spawn(ret, path, &files, &attr, argv, env ? env : none);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r;
}

int helper_hear(int fd, char *text, size_t size, const char **ret_words)
{
	ssize_t n;
	char *rest;
	long error;

	do
		n = recv(fd, text, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	error = strtol(text, &rest, 10);
	*ret_words = rest;
	return (int)error;
}

int helper_end(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The directory of the running program, without a slash at its end. */
static const char *own_directory(struct arena *arena)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	return arena_strdup(arena, path);
}

int helper_find(const char *name, struct arena *arena, const char **ret, struct err *e)
{
	const char *beside = own_directory(arena);

	*ret = arena_printf(arena, LIBEXECDIR "/%s", name);
	if (!access(*ret, X_OK))
		return 0;
	*ret = beside ? arena_printf(arena, "%s/%s", beside, name) : *ret;
	if (!access(*ret, X_OK))
		return 0;
	return err_set(e, ERR_HOST,
		       "the helper program %s is not installed (looked for " LIBEXECDIR
		       "/%s and %s): install it with skiff",
		       name, name, *ret);
}
