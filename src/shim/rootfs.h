/* The mounts that containerd hands over for a container's root file system. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "shim/proto/task.pb-c.h"

/* Mounts all of them on dir, in order. On failure none is left. 0 or -1. */
int rootfs_mount(const char *dir, Pb__Mount *const *mounts, size_t n, struct arena *arena,
		 struct err *e);
/* Unmounts whatever is at dir and below it. */
void rootfs_unmount(const char *dir);
