/*
 * The init program inside skiff, and the ways to execute it: a sealed memfd; a detached,
 * read-only tmpfs where vm.memfd_noexec or a policy forbids that; the installed copy
 * where we may not mount. In a container /proc/PID/exe then never names a file of the
 * host (CVE-2019-5736).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

/* Linux 6.3; older headers lack them. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define INSTALLED LIBEXECDIR "/skiff-init"

/* INIT_IMAGE is the path of the built program. */
__asm__(".pushsection .rodata.init_image, \"a\"\n"
	".balign 16\n"
	".globl init_image\n"
	".hidden init_image\n"
	"init_image:\n"
	".incbin \"" INIT_IMAGE "\"\n"
	".globl init_image_end\n"
	".hidden init_image_end\n"
	"init_image_end:\n"
	".byte 0\n"
	".popsection\n");
extern const char init_image[], init_image_end[];

/* Kernels before 6.3 know neither flag: then plain is what is meant. */
static int open_memfd(const char *name, unsigned flag)
{
	long fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flag);

	if (fd == -EINVAL)
		fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (int)fd;
}

static int fill(const char *name, unsigned flag, const void *data, size_t n)
{
	auto_fd fd = open_memfd(name, flag);
	int r = fd < 0 ? fd : fd_write_all(fd, data, n);

	if (r < 0)
		return r;
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : fd_take(&fd);
}

int carrier_data(const char *name, const void *data, size_t n)
{
	return fill(name, MFD_NOEXEC_SEAL, data, n);
}

static int new_tmpfs(void)
{
	auto_fd fs = (int)sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	long r;

	if (fs < 0)
		return fs;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? (int)r
		     : (int)sys_fsmount(fs, FSMOUNT_CLOEXEC,
					MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* Nobody has a name for it, and nobody can make the mount writable without our
 * descriptor. */
static int open_tmpfs(void)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd mnt = new_tmpfs(), file = -1;
	int r;

	if (mnt < 0)
		return mnt;
	file = openat(mnt, "skiff-init", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555);
	r = file < 0 ? -errno
		     : fd_write_all(file, init_image,
				    (size_t)(init_image_end - init_image));
	fd_close(&file); /* what is open for writing cannot be executed */
	if (r >= 0)
		r = (int)sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &ro, sizeof(ro));
	if (r < 0)
		return r;
	file = openat(mnt, "skiff-init", O_PATH | O_CLOEXEC);
	return file < 0 ? -errno : fd_take(&file);
}

static int open_installed(void)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd clone = (int)sys_open_tree(AT_FDCWD, INSTALLED,
					   OPEN_TREE_CLONE | O_CLOEXEC);
	int fd;

	if (clone >= 0 &&
	    sys_mount_setattr(clone, "", AT_EMPTY_PATH, &ro, sizeof(ro)) == 0)
		return fd_take(&clone);
	/* Without the right to mount it is executed as it is: it belongs to root, and
	 * the caller is not root. */
	fd = open(INSTALLED, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int carrier_open(enum carrier which)
{
	switch (which) {
	case CARRIER_MEMFD:
		return fill("skiff-init", MFD_EXEC, init_image,
			    (size_t)(init_image_end - init_image));
	case CARRIER_TMPFS:
		return open_tmpfs();
	case CARRIER_INSTALLED:
		return open_installed();
	case CARRIER_COUNT:
		break;
	}
	return -EINVAL;
}
