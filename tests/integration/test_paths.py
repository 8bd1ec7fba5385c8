"""maskedPaths and readonlyPaths."""
import os

import inside
import kernel
from harness import needs


def paths(config, masked=(), readonly=()):
    config["linux"]["maskedPaths"], config["linux"]["readonlyPaths"] = list(masked), list(readonly)
    return config


def tree(t):
    """a root file system with /top/file ("secret"), /top/dir/file and /top/dir/deep/file"""
    rootfs = t.rootfs()
    os.makedirs(rootfs + "/top/dir/deep")
    for name in ("file", "dir/file", "dir/deep/file"):
        with open(f"{rootfs}/top/{name}", "w", encoding="utf-8") as f:
            f.write("secret\n")
    return rootfs


def writable(config):
    config["root"]["readonly"] = False
    return config


@needs("root")
def test_masked_file(t):
    """a masked file is empty, cannot be written to, and is untouched below"""
    rootfs = tree(t)
    read = "cat /top/file; echo more >>/top/file"
    plain = t.sh("cat /top/file", paths(writable(t.config())), rootfs=rootfs)
    t.equal(plain.out, "secret\n", "without a mask")
    config = paths(writable(t.config("/bin/sleep", "100000")), ["/top/file"])
    c = t.background(config, rootfs=rootfs)
    t.equal(c.sh(read).out, "", "what the mask shows")
    t.true(kernel.mount_at(c.pid, "/top/file"), "no mount covers the file")
    t.equal(kernel.read(rootfs + "/top/file"), "secret\n")


@needs("root")
def test_masked_directory(t):
    """a masked directory is empty and takes no files"""
    config = paths(writable(t.config("/bin/sleep", "100000")), ["/top/dir"])
    c = t.background(config, rootfs=tree(t))
    t.equal(c.sh("ls -A /top/dir").out, "")
    t.true(c.sh("echo x >/top/dir/new").rc != 0, "the mask can be written to")
    t.equal(c.sh("cat /top/file").out, "secret\n", "beside the mask")


@needs("root")
def test_default_masks(t):
    """the paths of /proc and /sys that the default config names are covered"""
    config = t.config()
    c = t.sleeper(config)
    for path in config["linux"]["maskedPaths"]:
        host = os.path.exists(path)
        if host:
            t.true(kernel.mount_at(c.pid, path), f"{path} is not covered")
            t.equal(c.sh(f"if [ -d {path} ]; then ls -A {path}; else head -c1 {path}; fi").out,
                    "", path)
    for path in config["linux"]["readonlyPaths"]:
        if os.path.exists(path):
            t.contains(kernel.mount_at(c.pid, path).options, "ro", path)


@needs("root")
def test_readonly_path(t):
    """a read-only path cannot be written to, its twin without the list can"""
    for listed in ([], ["/top/dir"]):
        result = t.sh("echo x >/top/dir/deep/new", paths(writable(t.config()), [], listed),
                      rootfs=tree(t))
        t.equal(result.rc == 0, not listed, f"readonlyPaths {listed}: {result.err}")
    sysctl = "echo renamed >/proc/sys/kernel/hostname"
    config = inside.set_capabilities(paths(t.config()), "SYS_ADMIN")
    t.equal(t.sh(sysctl, config).rc, 0, "without readonlyPaths")
    config = inside.set_capabilities(paths(t.config(), [], ["/proc/sys"]), "SYS_ADMIN")
    t.true(t.sh(sysctl, config).rc != 0, "/proc/sys can be written to")


@needs("root")
def test_readonly_covers_mounts_below(t):
    """a read-only path is so with all that is mounted below it"""
    config = inside.add_tmpfs(paths(t.config(), [], ["/mnt"]), "/mnt")
    inside.add_tmpfs(config, "/mnt/sub")
    c = t.sleeper(config)
    for point in ("/mnt", "/mnt/sub"):
        t.true(c.sh(f"echo x >{point}/file").rc != 0, f"{point} can be written to")


@needs("root")
def test_readonly_keeps_flags(t):
    """a read-only path keeps nosuid, nodev and noexec of the mount that it lies on"""
    config = inside.add_tmpfs(paths(t.config(), [], ["/mnt"]), "/mnt", "nosuid", "nodev", "noexec")
    found = kernel.mount_at(t.sleeper(config).pid, "/mnt").options
    t.equal({"ro", "nosuid", "nodev", "noexec"} - set(found), set(), f"lacking of {found}")


@needs("root")
def test_missing_paths(t):
    """paths that are not there are no fault"""
    missing = ["/nowhere", "/nowhere/deep/er", "/proc/nothing"]
    t.equal(t.run(paths(t.config(), missing, missing)).rc, 0)


@needs("root")
def test_nested(t):
    """masked and read-only paths may lie in one another, in any order"""
    for masked, readonly in ((["/top/dir", "/top/dir/deep"], []),
                             (["/top/dir/deep", "/top/dir"], []),
                             (["/top/dir"], ["/top"]),
                             (["/top/dir/file", "/top/dir"], ["/top/dir"])):
        config = paths(writable(t.config("/bin/sleep", "100000")), masked, readonly)
        c = t.background(config, rootfs=tree(t))
        t.equal(c.sh("find /top/dir -type f -exec cat '{}' +").out, "",
                f"{masked} {readonly}")
        t.true(c.sh("echo x >/top/dir/new").rc != 0, f"{masked} {readonly}: written")
        t.equal(c.sh("echo x >/top/new").rc == 0, "/top" not in readonly, f"{readonly}")
        c.delete("--force")


@needs("root")
def test_readonly_with_masks_inside(t):
    """a mask inside of a read-only path hides, and what is beside it is read-only"""
    config = paths(writable(t.config("/bin/sleep", "100000")), ["/top/dir"], ["/top"])
    c = t.background(config, rootfs=tree(t))
    t.equal(c.sh("ls -A /top/dir; cat /top/file").out, "secret\n")
    t.true(c.sh("echo x >/top/file").rc != 0, "/top/file can be written to")


@needs("root")
def test_long_lists(t):
    """200 masked and 200 read-only paths are all honoured"""
    rootfs = t.rootfs()
    names = [f"/top/{n}" for n in range(400)]
    os.mkdir(rootfs + "/top")
    for n, name in enumerate(names):
        if n % 2:
            os.mkdir(rootfs + name)
        with open(rootfs + name + ("/file" if n % 2 else ""), "w", encoding="utf-8") as f:
            f.write("secret\n")
    config = paths(writable(t.config("/bin/sleep", "100000")), names[:200], names[200:])
    c = t.background(config, rootfs=rootfs)
    points = {m.point: m for m in kernel.mountinfo(c.pid)}
    t.equal([name for name in names if name not in points], [], "paths without a mount")
    t.equal([name for name in names[200:] if "ro" not in points[name].options], [], "writable")
    t.equal(c.sh("cd /top; n=0; while [ $n -lt 200 ]; do cat $n $n/file 2>/dev/null; "
                 "n=$((n + 1)); done").out, "")
    t.equal(c.sh("cat /top/200 /top/399/file").out, "secret\nsecret\n", "read-only paths")


@needs("root")
def test_masks_share_one_file_system(t):
    """all masked directories are one read-only file system: none costs a superblock of its own"""
    rootfs = tree(t)
    config = paths(t.config("/bin/sleep", "100000"), ["/top/dir", "/home", "/var", "/usr"])
    c = t.background(config, rootfs=rootfs)
    devices = {os.stat(inside.root_path(c.pid, path)).st_dev
               for path in config["linux"]["maskedPaths"]}
    t.equal(len(devices), 1, "file systems of the masks")


@needs("root")
def test_exec_sees_masks(t):
    """a process that comes later sees the same masks"""
    c = t.background(paths(t.config("/bin/sleep", "100000"), ["/top/file"], ["/top"]),
                     rootfs=tree(t))
    t.equal(c.exec("/bin/cat", "/top/file").out, "")
    t.true(c.sh("echo x >/top/new").rc != 0, "exec can write")
