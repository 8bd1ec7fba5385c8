"""mounts: the kernel's own file systems, and how mounts travel between namespaces."""
import os
import stat
import subprocess

import inside
import kernel
from harness import needs


def shared_source(t):
    """a shared mount of the host; the caller unmounts it"""
    source = t.path("shared")
    os.mkdir(source)
    subprocess.run(["mount", "-t", "tmpfs", "none", source], check=True)
    subprocess.run(["mount", "--make-shared", source], check=True)
    os.mkdir(source + "/sub")
    return source


def tags(mount):
    """{"shared", "master"}, without the numbers"""
    return {word.split(":")[0] for word in mount.optional}


@needs("root")
def test_propagation(t):
    """private, slave, shared and unbindable show in mountinfo"""
    source = shared_source(t)
    try:
        config = inside.add_tmpfs(t.config(), "/mnt")
        cases = {"private": set(), "rprivate": set(), "slave": {"master"}, "rslave": {"master"},
                 "shared": {"shared"}, "rshared": {"shared"}, "unbindable": {"unbindable"},
                 "runbindable": {"unbindable"}}
        for word in cases:
            inside.add_bind(config, source, f"/mnt/{word}", "rbind", word)
        c = t.sleeper(config)
        for word, expected in cases.items():
            found = tags(kernel.mount_at(c.pid, f"/mnt/{word}"))
            if "shared" in expected:
                found.discard("master")  # shared among the container's alone will do
            t.equal(found & {"shared", "master", "unbindable"}, expected, word)
        c.delete("--force")
    finally:
        subprocess.run(["umount", source], check=True)


@needs("root")
def test_propagation_works(t):
    """a mount of the host appears in slave and shared binds and in no private one"""
    source = shared_source(t)
    try:
        config = inside.add_tmpfs(t.config(), "/mnt")
        for word in ("private", "slave", "shared"):
            inside.add_bind(config, source, f"/mnt/{word}", "bind", word)
        c = t.sleeper(config)
        subprocess.run(["mount", "-t", "tmpfs", "none", source + "/sub"], check=True)
        seen = {word for word in ("private", "slave", "shared")
                if kernel.mount_at(c.pid, f"/mnt/{word}/sub")}
        t.equal(seen, {"slave", "shared"}, "binds that show the host's mount")
        c.delete("--force")
    finally:
        subprocess.run(["umount", "-R", source], check=True)


@needs("root")
def test_rootfs_propagation(t):
    """rootfsPropagation is that of the container's root, private without it"""
    for word in (None, "private", "slave", "shared", "unbindable"):
        config = t.config()
        if word:
            config["linux"]["rootfsPropagation"] = word
        found = tags(kernel.mount_at(t.sleeper(config).pid, "/"))
        t.equal(found & {"shared", "unbindable"}, {word} & {"shared", "unbindable"}, f"{word}")


@needs("root")
def test_containers_mounts_stay_inside(t):
    """a mount made by the container does not reach the host"""
    config = inside.set_capabilities(t.config("/bin/sleep", "100000"), "SYS_ADMIN")
    shared = inside.share(t, config)
    c = t.background(config)
    os.mkdir(shared + "/point")
    result = c.sh("mount -t tmpfs none /mnt/point && grep -c /mnt/point /proc/self/mounts")
    t.equal((result.rc, result.out), (0, "1\n"), result.err)
    t.equal(kernel.mount_at("self", shared + "/point"), None)


@needs("root")
def test_default_file_systems(t):
    """proc, sysfs, devpts, mqueue and shm are new instances with the configured options"""
    c = t.sleeper()
    hard = {"nosuid", "noexec", "nodev"}
    for point, fstype, options, superopts in (
            ("/proc", "proc", set(), set()),
            ("/dev", "tmpfs", {"nosuid"}, {"mode=755", "size=65536k"}),
            ("/dev/pts", "devpts", {"nosuid", "noexec"}, {"gid=5", "mode=620", "ptmxmode=666"}),
            ("/dev/shm", "tmpfs", hard, {"size=65536k"}),
            ("/dev/mqueue", "mqueue", hard, set()),
            ("/sys", "sysfs", hard | {"ro"}, set())):
        mount = kernel.mount_at(c.pid, point)
        t.equal(mount and mount.fstype, fstype, point)
        t.equal(options - set(mount.options), set(), f"{point}: lacking of {mount.options}")
        t.equal(superopts - set(mount.superopts), set(), f"{point}: of {mount.superopts}")
        t.equal(mount.root, "/", f"{point}: root of the mount")
    devices = {point: os.stat(inside.root_path(c.pid, point)).st_dev
               for point in ("/dev/pts", "/dev/mqueue", "/dev/shm")}
    t.equal([p for p, dev in devices.items() if os.path.exists(p) and os.stat(p).st_dev == dev],
            [], "the host's instances")


@needs("root")
def test_sysfs_shows_own_network(t):
    """sysfs belongs to the container's network namespace"""
    t.equal(os.listdir(inside.root_path(t.sleeper().pid, "/sys/class/net")), ["lo"])


def processes_of(c, path):
    return c.sh(f"cat {path}/cgroup.procs").out.split()


@needs("root", "v2")
def test_cgroup2(t):
    """/sys/fs/cgroup is cgroup2; in a cgroup namespace its root is the container's cgroup"""
    if kernel.cgroup_mounts().get("") != "/sys/fs/cgroup":
        t.skip("hybrid")
    for own in (False, True):
        config = t.config()
        if own:
            config["linux"]["namespaces"].append({"type": "cgroup"})
        c = t.sleeper(config)
        mount = kernel.mount_at(c.pid, "/sys/fs/cgroup")
        t.equal(mount.fstype, "cgroup2")
        t.equal({"ro", "nosuid", "noexec", "nodev"} - set(mount.options), set(), "options")
        path = c.sh("cat /proc/self/cgroup").out.strip().split("::")[1]
        t.equal(path == "/", own, f"path {path}")
        below = "/sys/fs/cgroup" + path.rstrip("/")
        if not own and c.sh(f"test -d {below}").rc:
            below = "/sys/fs/cgroup"  # the container's own subtree alone
        t.contains(processes_of(c, below), "1", "processes of the container's cgroup")
        t.true(c.sh(f"mkdir {below}/x").rc != 0, "the cgroup can be written to")


@needs("root", "v1")
def test_cgroup1(t):
    """/sys/fs/cgroup has a directory for each v1 controller, which shows the container's own"""
    for own in (False, True):
        config = t.config()
        if own:
            config["linux"]["namespaces"].append({"type": "cgroup"})
        c = t.sleeper(config)
        t.equal(kernel.mount_at(c.pid, "/sys/fs/cgroup").fstype, "tmpfs")
        for name in ("memory", "pids", "cpu"):
            point = f"/sys/fs/cgroup/{name}"
            if not os.path.isdir(point):
                continue
            mount = kernel.mount_at(c.pid, point)
            t.equal(mount and mount.fstype, "cgroup", point)
            t.contains(mount.superopts, name)
            t.true("ro" in mount.options, f"{point} is {mount.options}")
            t.contains(processes_of(c, point), "1", point)


@needs("root")
def test_cgroup_writable_in_namespace(t):
    """with a cgroup namespace and no ro the container makes cgroups of its own; delete
    removes them"""
    config = t.config("/bin/sh", "-c",
                      "for d in /sys/fs/cgroup /sys/fs/cgroup/pids /sys/fs/cgroup/unified; do\n"
                      "[ -e $d/cgroup.procs ] && mkdir -p $d/own/deep && echo $d; done")
    config["linux"]["namespaces"].append({"type": "cgroup"})
    config["mounts"][-1]["options"].remove("ro")
    result = t.run(config)
    t.true(result.rc == 0 and result.out or result.out, f"nothing made: {result}")


@needs("root")
def test_shm_is_shared_by_ipc_only(t):
    """/dev/shm of two containers are two; both are 1777"""
    first, second = t.sleeper(), t.sleeper()
    t.equal(first.sh("echo x >/dev/shm/file").rc, 0)
    t.equal(second.sh("ls /dev/shm").out, "")
    t.equal(stat.S_IMODE(os.stat(inside.root_path(first.pid, "/dev/shm")).st_mode), 0o1777)
