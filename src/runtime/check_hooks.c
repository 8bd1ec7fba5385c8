/*
 * `skiff check`, what works beside the program: hooks, and who takes the terminal. Hooks
 * of the container (startContainer) are looked for in the root file system, all others on
 * the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/check.h"

static void check_hook(struct checker *k, enum hook_kind kind, size_t i, const char *path)
{
	bool inside = kind == HOOK_START_CONTAINER;
	const char *at = check_path(k, "hooks.%s[%zu].path", names_text(hook_names, kind),
				    i);
	const char *where = inside ? " in the root file system" : "";
	/* A failing poststop hook is a warning when the container is deleted. */
	bool hint = kind == HOOK_POSTSTOP;
	auto_fd fd = -1;
	struct stat st;

	if (!path || *path != '/' ||
	    (inside && (k->rootfs < 0 || check_is_covered(k, path))))
		return;
	fd = inside ? check_open(k, path, O_PATH) : open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		check_add(k, hint, at, "install it, or leave the hook out", "%s: %s%s",
			  path, strerror(inside ? -fd : errno), where);
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		check_add(k, hint, at, "name a program", "%s%s is no file", path, where);
	else if (!(st.st_mode & 0111))
		check_add(k, hint, at, "chmod +x", "%s%s is not executable", path, where);
}

void check_hooks(struct checker *k)
{
	const struct hooks *h = k->spec->hooks;

	for (int kind = 0; h && kind < HOOK_KINDS; kind++)
		for (size_t i = 0; i < h->of[kind].n; i++)
			check_hook(k, (enum hook_kind)kind, i, h->of[kind].v[i].path);
}

void check_terminal(struct checker *k)
{
	if (k->spec->process && k->spec->process->terminal)
		check_add(k, true, "process.terminal",
			  "give it, set terminal to false, or use run in the foreground",
			  "create and run --detach need --console-socket to hand the "
			  "terminal over");
}
