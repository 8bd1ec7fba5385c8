"""mounts: options, sources, destinations and the root file system."""
import os
import stat
import subprocess

import inside
import kernel
from harness import needs

# Mount options and what they make of a tmpfs in mountinfo: words that are there, words that are
# not; an attribute of the mount or of the file system.
OPTIONS = [
    (["ro"], {"ro"}, {"rw"}), (["rw"], {"rw"}, {"ro"}), (["ro", "rw"], {"rw"}, {"ro"}),
    (["nosuid"], {"nosuid"}, set()), (["nosuid", "suid"], set(), {"nosuid"}),
    (["nodev"], {"nodev"}, set()), (["nodev", "dev"], set(), {"nodev"}),
    (["noexec"], {"noexec"}, set()), (["noexec", "exec"], set(), {"noexec"}),
    (["noatime"], {"noatime"}, {"relatime"}), (["noatime", "atime"], set(), {"noatime"}),
    (["nodiratime"], {"nodiratime"}, set()), (["nodiratime", "diratime"], set(), {"nodiratime"}),
    (["relatime"], {"relatime"}, {"noatime"}), (["strictatime"], set(), {"relatime", "noatime"}),
    (["noatime", "relatime"], {"relatime"}, {"noatime"}),
    (["nosymfollow"], {"nosymfollow"}, set()), (["nosymfollow", "symfollow"], set(),
                                                {"nosymfollow"}),
    (["sync"], {"sync"}, set()), (["sync", "async"], set(), {"sync"}),
    (["dirsync"], {"dirsync"}, set()),
    (["lazytime"], {"lazytime"}, set()), (["lazytime", "nolazytime"], set(), {"lazytime"}),
    (["silent"], {"rw"}, set()), (["loud"], {"rw"}, set()), (["defaults"], {"rw"}, {"nosuid"}),
    (["size=128k"], {"size=128k"}, set()), (["nr_inodes=77"], {"nr_inodes=77"}, set()),
    (["mode=1711"], {"mode=1711"}, set()), (["uid=5", "gid=6"], {"uid=5", "gid=6"}, set()),
    (["nosuid", "nodev", "noexec", "ro", "size=64k"],
     {"nosuid", "nodev", "noexec", "ro", "size=64k"}, set()),
]


def words(mount):
    """an ro file system shows as rw mount and ro superblock: rw means both"""
    every = set(mount.options) | set(mount.superopts)
    return every - {"rw"} if "ro" in every else every


@needs("root")
def test_options(t):
    """each option of the specification reaches the kernel"""
    config = inside.add_tmpfs(t.config(), "/mnt")
    for n, (options, _, _) in enumerate(OPTIONS):
        inside.add_tmpfs(config, f"/mnt/{n}", *options)
    c = t.sleeper(config)
    for n, (options, there, away) in enumerate(OPTIONS):
        mount = kernel.mount_at(c.pid, f"/mnt/{n}")
        t.true(mount, f"{options}: not mounted")
        t.equal((there - words(mount), away & words(mount)), (set(), set()),
                f"{options} gave {mount.options} {mount.superopts}: lacking, too many")


@needs("root")
def test_bind_options(t):
    """options of a bind mount are its own: the source's mount keeps its"""
    source = t.path("source")
    os.mkdir(source)
    config = inside.add_tmpfs(t.config(), "/mnt")
    cases = [["ro"], ["nosuid"], ["nodev"], ["noexec"], ["noatime"], ["nodiratime"],
             ["nosymfollow"], ["ro", "nosuid", "nodev", "noexec", "noatime"]]
    for n, options in enumerate(cases):
        inside.add_bind(config, source, f"/mnt/{n}", "bind", *options)
    c = t.sleeper(config)
    for n, options in enumerate(cases):
        found = kernel.mount_at(c.pid, f"/mnt/{n}").options
        t.equal(set(options) - set(found), set(), f"{options}")
    inside.script(source + "/file", "true\n")
    t.true(c.sh("/mnt/1/file").rc == 0 and c.sh("/mnt/3/file").rc != 0, "noexec is not obeyed")


@needs("root")
def test_bind_directory(t):
    """a bound directory is the host's own; with ro it cannot be written to"""
    config = t.config("/bin/sleep", "100000")
    shared = inside.share(t, config)
    inside.add_bind(config, shared, "/home", "bind", "ro")
    c = t.background(config)
    t.equal(c.sh("echo hello >/mnt/file && cat /home/file").out, "hello\n")
    t.equal(kernel.read(shared + "/file"), "hello\n")
    refused = c.sh("echo more >>/home/file")
    t.true(refused.rc != 0 and "ead-only" in refused.err, f"ro bind: {refused}")
    t.equal(kernel.read(shared + "/file"), "hello\n")


@needs("root")
def test_bind_file(t):
    """a file can be bound over a file, and where there is none one is made"""
    rootfs, source = t.rootfs(), t.path("file")
    with open(source, "w", encoding="utf-8") as f:
        f.write("bound\n")
    config = inside.add_bind(t.config("/bin/sleep", "100000"), source, "/etc/passwd")
    inside.add_bind(config, source, "/new/place/file", "bind", "ro")
    c = t.background(config, rootfs=rootfs)
    t.equal(c.sh("cat /etc/passwd /new/place/file").out, "bound\nbound\n")
    t.contains(kernel.read(rootfs + "/etc/passwd"), "root:", "the rootfs's own file")
    t.true(stat.S_ISREG(os.stat(rootfs + "/new/place/file").st_mode), "the mount point")


@needs("root")
def test_bind_relative_source(t):
    """a relative bind source is meant from the bundle; a symbolic link is followed"""
    path = t.bundle(inside.add_bind(
        inside.add_bind(t.config("/bin/ls", "/mnt", "/home"), "data/link", "/mnt", "bind"),
        "data", "/home", "bind"))
    os.makedirs(path + "/data/real/inner")
    os.symlink("real", path + "/data/link")
    result = t.skiff("run", "--bundle", path, t.new_id())
    t.equal(result.out.split(), ["/home:", "link", "real", "/mnt:", "inner"])


def mounted_source(t):
    """a directory of the host with a tmpfs at sub and a file there; the caller unmounts sub"""
    source = t.path("tree")
    os.makedirs(source + "/sub")
    subprocess.run(["mount", "-t", "tmpfs", "none", source + "/sub"], check=True)
    with open(source + "/sub/file", "w", encoding="utf-8") as f:
        f.write("deep\n")
    return source


@needs("root")
def test_rbind_and_recursive_options(t):
    """rbind brings the mounts below, bind does not; ro is for the top, rro for all"""
    source = mounted_source(t)
    try:
        config = inside.add_tmpfs(t.config(), "/mnt")
        for name, options in (("bind", ["bind"]), ("rbind", ["rbind"]), ("ro", ["rbind", "ro"]),
                              ("rro", ["rbind", "rro"]),
                              ("all", ["rbind", "rro", "rnosuid", "rnodev", "rnoexec",
                                       "rnoatime"]),
                              ("mixed", ["rbind", "ro", "rnoexec"])):
            inside.add_bind(config, source, f"/mnt/{name}", *options)
        c = t.sleeper(config)
        options = {(name, sub): (kernel.mount_at(c.pid, f"/mnt/{name}{sub}") or [None] * 5)[4]
                   for name in ("bind", "rbind", "ro", "rro", "all", "mixed")
                   for sub in ("", "/sub")}
        t.equal(options["bind", "/sub"], None, "bind has the mount below")
        t.true("ro" not in options["rbind", "/sub"], "rbind is read-only")
        t.true("ro" in options["ro", ""] and "ro" not in options["ro", "/sub"], f"ro: {options}")
        t.true("ro" in options["rro", ""] and "ro" in options["rro", "/sub"], f"rro: {options}")
        for sub in ("", "/sub"):
            t.equal({"ro", "nosuid", "nodev", "noexec", "noatime"} - set(options["all", sub]),
                    set(), f"recursive options of /mnt/all{sub}")
        t.true("ro" not in options["mixed", "/sub"] and "noexec" in options["mixed", "/sub"],
               f"mixed: {options}")
        t.equal(c.sh("cat /mnt/bind/sub/file").rc, 1)
        t.true(c.sh("echo x >/mnt/rro/sub/file").rc != 0, "rro can be written to")
        t.equal(kernel.read(source + "/sub/file"), "deep\n")
        c.delete("--force")
    finally:
        subprocess.run(["umount", source + "/sub"], check=True)


@needs("root")
def test_destinations_are_made(t):
    """missing mount points are made in the rootfs, those of mounts in mounts too"""
    rootfs = t.rootfs()
    config = inside.add_tmpfs(t.config("/bin/sleep", "100000"), "/a/b/c", "mode=700")
    inside.add_tmpfs(config, "/a/b/c/d/e", "mode=711")
    inside.add_tmpfs(config, "/a/b/c/d/e/../f//g/")
    c = t.background(config, rootfs=rootfs)
    for point, mode in (("/a/b/c", 0o700), ("/a/b/c/d/e", 0o711), ("/a/b/c/d/f/g", 0o1777)):
        t.true(kernel.mount_at(c.pid, point), f"{point} is not mounted")
        t.equal(stat.S_IMODE(os.stat(inside.root_path(c.pid, point)).st_mode), mode, point)
    t.equal(stat.S_IMODE(os.stat(rootfs + "/a/b").st_mode), 0o755, "mode of the directory made")


@needs("root")
def test_relative_destination(t):
    """a relative destination is meant from the root"""
    c = t.sleeper(inside.add_tmpfs(inside.add_tmpfs(t.config(), "mnt"), "mnt/below"))
    t.true(kernel.mount_at(c.pid, "/mnt") and kernel.mount_at(c.pid, "/mnt/below"), "not mounted")


@needs("root")
def test_order(t):
    """mounts are made in the order of the list: a later one covers an earlier"""
    config = inside.add_tmpfs(t.config(), "/mnt/..//mnt", "size=64k")
    inside.add_tmpfs(config, "/mnt/below")
    inside.add_tmpfs(config, "/mnt", "size=128k")
    result = t.sh("ls /mnt; grep ' /mnt ' /proc/self/mountinfo", config)
    t.equal(len(result.out.splitlines()), 2, result.out)
    t.contains(result.out.splitlines()[-1], "size=128k")


@needs("root")
def test_root_readonly(t):
    """root.readonly keeps the payload from writing; without it it may"""
    rootfs = t.rootfs()
    config = t.config()
    refused = t.sh("echo x >/file", config, rootfs=rootfs)
    t.true(refused.rc != 0 and "ead-only" in refused.err, f"written: {refused}")
    t.true(not os.path.exists(rootfs + "/file"), "the file is there")
    config["root"]["readonly"] = False
    t.equal(t.sh("echo x >/file", config, rootfs=rootfs).rc, 0)
    t.equal(kernel.read(rootfs + "/file"), "x\n")


@needs("root")
def test_rootfs_relative(t):
    """root.path is meant from the bundle if it is relative"""
    config = t.config("/bin/true")
    config["root"]["path"] = "deep/./root"
    path = t.bundle(config)
    os.makedirs(path + "/deep")
    os.rename(t.rootfs(), path + "/deep/root")
    t.equal(t.skiff("run", "--bundle", path, t.new_id()).rc, 0)


@needs("root")
def test_host_root_is_gone(t):
    """nothing of the host's mounts is left in the container's mount namespace"""
    c = t.sleeper()
    points = [m.point for m in kernel.mountinfo(c.pid)]
    t.equal(points.count("/"), 1, "roots")
    allowed = ("/proc", "/dev", "/sys")
    t.equal([p for p in points if not p.startswith(allowed)], ["/"], "mounts elsewhere")


@needs("root")
def test_tmpcopyup(t):
    """tmpcopyup fills the tmpfs with what the rootfs has there, and changes nothing of that"""
    rootfs = t.rootfs()
    os.makedirs(rootfs + "/data/sub", mode=0o750)
    with open(rootfs + "/data/sub/file", "w", encoding="utf-8") as f:
        f.write("image\n")
    os.chown(rootfs + "/data/sub/file", 12, 34)
    os.chmod(rootfs + "/data/sub/file", 0o4755)
    os.symlink("sub/file", rootfs + "/data/link")
    config = inside.add_tmpfs(t.config("/bin/sleep", "100000"), "/data", "tmpcopyup", "mode=755")
    c = t.background(config, rootfs=rootfs)
    t.equal(kernel.mount_at(c.pid, "/data").fstype, "tmpfs")
    st = os.stat(inside.root_path(c.pid, "/data/sub/file"))
    t.equal((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid), (0o4755, 12, 34))
    t.equal(c.sh("readlink /data/link; cat /data/link; echo new >/data/sub/file").out,
            "sub/file\nimage\n")
    t.equal(kernel.read(rootfs + "/data/sub/file"), "image\n")
