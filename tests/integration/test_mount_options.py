"""Every mount option that test_mounts.py does not have: in a tree of two mounts, and on a file
system of its own."""
import os
import subprocess

import inside
import kernel
from harness import needs

# (options of the bind, options that the source's two mounts have, words at both levels of the
# bind, words that are at neither)
TREE = [
    (["rnosuid"], [], {"nosuid"}, set()), (["rsuid"], ["nosuid"], set(), {"nosuid"}),
    (["rnodev"], [], {"nodev"}, set()), (["rdev"], ["nodev"], set(), {"nodev"}),
    (["rnoexec"], [], {"noexec"}, set()), (["rexec"], ["noexec"], set(), {"noexec"}),
    (["rro"], [], {"ro"}, set()), (["rrw"], ["ro"], {"rw"}, {"ro"}),
    (["rnoatime"], [], {"noatime"}, {"relatime"}), (["ratime"], ["noatime"], {"relatime"},
                                                    {"noatime"}),
    (["rrelatime"], ["noatime"], {"relatime"}, {"noatime"}),
    (["rnorelatime"], ["noatime"], {"relatime"}, {"noatime"}),
    (["rstrictatime"], [], set(), {"relatime", "noatime"}),
    (["rnostrictatime"], ["strictatime"], {"relatime"}, {"noatime"}),
    (["rnodiratime"], [], {"nodiratime"}, set()),
    (["rdiratime"], ["nodiratime"], set(), {"nodiratime"}),
    (["rnosymfollow"], [], {"nosymfollow"}, set()),
    (["rsymfollow"], ["nosymfollow"], set(), {"nosymfollow"}),
    (["rro", "rnosuid", "rnodev", "rnoexec", "rnosymfollow", "rnoatime", "rnodiratime"], [],
     {"ro", "nosuid", "nodev", "noexec", "nosymfollow", "noatime", "nodiratime"}, {"relatime"}),
]

# (options, words that mountinfo has for the mount or its file system, words that it has not)
FRESH = [
    (["rsync"], {"sync"}, set()), (["rsync", "rasync"], set(), {"sync"}),
    (["sync", "rasync"], set(), {"sync"}), (["rdirsync"], {"dirsync"}, set()),
    (["mand"], {"mand"}, set()), (["rmand"], {"mand"}, set()), (["mand", "nomand"], set(), {"mand"}),
    (["norelatime"], {"relatime"}, {"noatime"}),
    (["strictatime", "nostrictatime"], {"relatime"}, {"noatime"}),
    (["nosuid", "iversion", "noiversion"], {"nosuid"}, {"mand", "sync"}),
]


def mounted(t, number, options):
    """a tmpfs with another one at sub, both with the options"""
    source = t.path(f"tree-{number}")
    os.mkdir(source)
    for path in (source, f"{source}/sub"):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    os.mkdir(f"{source}/sub/dir")
    for path in (f"{source}/sub", source) if options else ():
        subprocess.run(["mount", "-o", ",".join(["remount", "bind", *options]), path], check=True)
    return source


@needs("root")
def test_recursive(t):
    """each r-option reaches the bound mount and those below it, and nothing of the source"""
    sources = []
    try:
        config = inside.add_tmpfs(t.config(), "/mnt")
        for number, (options, source_options, _, _) in enumerate(TREE):
            sources.append(mounted(t, number, source_options))
            inside.add_bind(config, sources[-1], f"/mnt/{number}", "rbind", *options)
        before = [kernel.mount_at("self", source).options for source in sources]
        c = t.sleeper(config)
        for number, (options, source_options, there, away) in enumerate(TREE):
            t.note((options, source_options))
            for sub in ("", "/sub"):
                found = set(kernel.mount_at(c.pid, f"/mnt/{number}{sub}").options)
                t.equal((there - found, away & found), (set(), set()), f"at {sub or 'the top'}")
        t.equal([kernel.mount_at("self", source).options for source in sources], before,
                "options of the sources")
        c.delete("--force")
    finally:
        for source in sources:
            subprocess.run(["umount", "-R", source], check=True)


@needs("root")
def test_of_the_file_system(t):
    """flags that belong to the file system, by both of their names; what is the default anyway"""
    config = inside.add_tmpfs(t.config(), "/mnt")
    for number, (options, _, _) in enumerate(FRESH):
        inside.add_tmpfs(config, f"/mnt/{number}", *options)
    c = t.sleeper(config)
    for number, (options, there, away) in enumerate(FRESH):
        t.note(options)
        mount = kernel.mount_at(c.pid, f"/mnt/{number}")
        found = set(mount.options) | set(mount.superopts)
        t.equal((there - found, away & found), (set(), set()), f"{mount}")


@needs("root")
def test_symlinks_are_not_followed(t):
    """nosymfollow and rnosymfollow are obeyed: a link in the mount leads nowhere"""
    config = t.config("/bin/sleep", "100000")
    shared = inside.share(t, config)
    for name, option in (("/home", "nosymfollow"), ("/var", "rnosymfollow"), ("/run", "symfollow")):
        inside.add_bind(config, shared, name, "rbind", option)
    with open(f"{shared}/file", "w", encoding="utf-8") as f:
        f.write("text\n")
    os.symlink("file", f"{shared}/link")
    c = t.background(config)
    t.equal([c.sh(f"cat {path}/link 2>/dev/null").out for path in ("/mnt", "/home", "/var", "/run")],
            ["text\n", "", "", "text\n"])


@needs("root")
def test_remount(t):
    """remount changes a mount that is there: proc becomes read-only, its other options stay"""
    config = inside.add_mount(t.config(), "/proc", "proc", "proc", ["remount", "ro", "nosuid"])
    c = t.sleeper(config)
    found = [m for m in kernel.mountinfo(c.pid) if m.point == "/proc"]
    t.equal(len(found), 1, "mounts at /proc")
    t.true({"ro", "nosuid"} <= set(found[0].options) | set(found[0].superopts), f"{found}")


@needs("root")
def test_rootfs_propagation_words(t):
    """the r-words that engines write mean the same as the specification's"""
    for word in ("rprivate", "rslave", "rshared", "runbindable"):
        config = t.config()
        config["linux"]["rootfsPropagation"] = word
        found = {text.split(":")[0] for text in kernel.mount_at(t.sleeper(config).pid, "/").optional}
        t.equal(found & {"shared", "unbindable"}, {word[1:]} & {"shared", "unbindable"}, word)


@needs("root")
def test_joined_mount_namespace(t):
    """a mount namespace given by its path is entered as it is: its root is the container's, and
    what was mounted there is seen"""
    first = t.sleeper(inside.add_tmpfs(t.config(), "/mnt", "size=128k"))
    config = t.config("/bin/sleep", "100000")
    spaces = [ns for ns in config["linux"]["namespaces"] if ns["type"] != "mount"]
    config["linux"]["namespaces"] = spaces + [{"type": "mount",
                                               "path": f"/proc/{first.pid}/ns/mnt"}]
    config["mounts"], config["root"] = [], {"path": "/"}
    config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
    second = t.background(config)
    t.equal(kernel.namespace(second.pid, "mnt"), kernel.namespace(first.pid, "mnt"))
    t.contains(kernel.mount_at(second.pid, "/mnt").superopts, "size=128k")
