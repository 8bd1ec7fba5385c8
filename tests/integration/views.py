"""The views of the machine that the tests run in, and what a view offers.

hybrid: the machine as it is.  v2: /sys/fs/cgroup is cgroup2 alone.  v1: no cgroup2 is
mounted.  All are private to the test run: it never changes the machine's own mounts."""
import ctypes
import errno
import functools
import os
import shutil
import subprocess

import kernel

CLONE_NEWNS = 0x20000
MS_BIND, MS_REMOUNT, MS_RDONLY, MS_REC = 4096, 32, 1, 16384
MS_PRIVATE, MS_SHARED = 1 << 18, 1 << 20
PR_SET_CHILD_SUBREAPER = 36
UNIFIED = "/sys/fs/cgroup/unified"
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb", "devices", "freezer",
               "blkio")

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, fstype, flags, data=None):
    encode = lambda text: None if text is None else text.encode()
    check(libc.mount(encode(source), encode(target), encode(fstype), ctypes.c_ulong(flags),
                     encode(data)), f"mount {target}")


def propagate(flags):
    """change the propagation of all mounts; "/" may be the directory of a chroot and no mount
    point: then by way of the mount namespace's real root"""
    try:
        return mount("none", "/", None, flags)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    here, cwd = (os.open(path, os.O_PATH | os.O_DIRECTORY) for path in ("/", "."))
    with open("/proc/self/ns/mnt", "rb") as namespace:
        check(libc.setns(namespace.fileno(), CLONE_NEWNS), "setns")
    mount("none", "/", None, flags)
    os.fchdir(here)
    os.chroot(".")
    os.fchdir(cwd)
    os.close(here)
    os.close(cwd)
    return None


def own_mounts():
    """Enter a new mount namespace.  Its mounts get propagation of their own, as systemd gives
    the host's: a container that does not cut itself off shows in our mountinfo, not in the
    machine's."""
    check(libc.unshare(CLONE_NEWNS), "unshare")
    propagate(MS_REC | MS_PRIVATE)
    propagate(MS_REC | MS_SHARED)


def bind_read_only(path):
    mount(path, path, None, MS_BIND)
    mount("none", path, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def unmount(path):
    """take a mount away if it is there"""
    libc.umount2(path.encode(), 2)  # MNT_DETACH


def become_subreaper():
    """orphans below this process become its children, not those of the machine's init"""
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def enter(view):
    """make this process see the given view"""
    if os.geteuid() != 0:
        if view != "hybrid":
            raise SystemExit(f"run.py: --view {view} needs root")
        return
    own_mounts()
    if view == "v2" and layout() != "v2":
        subprocess.run(["umount", "-R", "/sys/fs/cgroup"], check=True)
        mount("none", "/sys/fs/cgroup", "cgroup2", 0)
    if view == "v1":
        if layout() == "v2":
            raise SystemExit("run.py: this machine has no cgroup v1")
        if os.path.ismount(UNIFIED):
            subprocess.run(["umount", UNIFIED], check=True)


def layout():
    """v1, v2 or hybrid: what stands at /sys/fs/cgroup now"""
    mounts = kernel.cgroup_mounts()
    if mounts.get("") == "/sys/fs/cgroup":
        return "v2"
    return "hybrid" if "" in mounts else "v1"


def facts():
    """What @needs(..) can ask for: the layout ("v1" also holds for hybrid, which has v1's
    controllers, "hybrid" and "v1only" tell them apart), each controller that a container's
    cgroup can use, who we are, what the machine is."""
    found = {"v2": {"v2"}, "hybrid": {"v1", "hybrid"}, "v1": {"v1", "v1only"}}[layout()].copy()
    mounts = kernel.cgroup_mounts()
    found.update(name for name in CONTROLLERS if name in mounts)
    if "v2" in found:
        found.update(kernel.read("/sys/fs/cgroup/cgroup.controllers").split())
    found.add("root" if os.geteuid() == 0 else "user")
    found.add("vm" if os.environ.get("SKIFF_VM") else "native")
    if os.path.isdir("/run/systemd/system"):
        found.add("systemd")
    return found


@functools.lru_cache
def has_program(name):
    """criu must know the kernel as well: Debian 12's begins on none that is newer than about 6.12"""
    if not shutil.which(name):
        return False
    if name != "criu":
        return True
    check = subprocess.run([name, "check"], capture_output=True, text=True, check=False)
    return "Could not initialize kernel features" not in check.stdout + check.stderr


def missing(needs, have):
    """the first need that is not met, or None; cmd:NAME needs a program"""
    for need in needs:
        met = has_program(need[4:]) if need.startswith("cmd:") else need in have
        if not met:
            return need
    return None
