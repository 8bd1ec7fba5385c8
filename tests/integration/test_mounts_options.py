"""mounts: options that need more than a word in mountinfo, and special sources and destinations."""
import os
import re
import socket
import stat
import subprocess

import inside
import kernel
from harness import needs

MS = {"silent": 1 << 15, "iversion": 1 << 23, "sync": 1 << 4, "dirsync": 1 << 7,
      "lazytime": 1 << 25}


def mount_flags(t, config, fstype):
    """the flags of the mount(2) calls for file systems of that kind that succeeded"""
    log = t.path("strace")
    result = t.command("strace", "-f", "-X", "raw", "-o", log, "-e", "trace=mount", t.binary,
                       "--root", t.root, "run", "--bundle", t.bundle(config), t.new_id())
    t.equal(result.rc, 0, result.err)
    return [int(flags, 0) for flags in
            re.findall(rf'mount\("[^"]*", "\.", "{fstype}", (\S+), .*= 0', kernel.read(log))]


@needs("root", "cmd:strace")
def test_flags_without_a_trace(t):
    """silent and iversion show nowhere but in the call; their opposites take them back"""
    for options, expected in ((["silent"], MS["silent"]), (["iversion"], MS["iversion"]),
                              (["silent", "loud"], 0), (["iversion", "noiversion"], 0),
                              (["silent", "sync", "dirsync", "lazytime", "iversion"],
                               sum(MS.values())),
                              (["silent", "tmpcopyup"], MS["silent"])):
        config = inside.add_mount(t.config(), "/home", "ramfs", "x", options)
        if "tmpcopyup" in options:
            config["mounts"][-1]["type"] = "tmpfs"
            config["mounts"][-1]["options"].append("mode=700")
        found = mount_flags(t, config, config["mounts"][-1]["type"])[-1]
        t.equal(found & sum(MS.values()), expected, f"{options}")


@needs("root")
def test_empty_options(t):
    """are nothing: Buildah's volumes have them"""
    config = inside.add_tmpfs(t.config(), "/mnt", "", "ro", "")
    c = t.sleeper(inside.add_bind(config, t.dir, "/home", "", "rbind", "ro"))
    for point in ("/mnt", "/home"):
        t.contains(kernel.mount_at(c.pid, point).options, "ro", point)


@needs("root")
def test_flags_after_tmpcopyup(t):
    """a tmpfs that is filled before it is attached has the file system's flags as well"""
    config = inside.add_tmpfs(t.config(), "/etc", "tmpcopyup", "sync", "lazytime", "nosuid")
    c = t.sleeper(config)
    mount = kernel.mount_at(c.pid, "/etc")
    t.equal({"sync", "lazytime", "nosuid"} - set(mount.options + mount.superopts), set())
    t.contains(c.sh("cat /etc/passwd").out, "root:")


@needs("root")
def test_flags_of_the_r_family(t):
    """rsync, rdirsync and rasync are those of crun: sync, dirsync and async"""
    config = t.config()
    cases = {"rsync,rdirsync": {"sync", "dirsync"}, "rsync,rasync": set(), "mand": {"mand"},
             "rmand": {"mand"}, "rmand,nomand": set()}
    inside.add_tmpfs(config, "/mnt")
    for n, words in enumerate(cases):
        inside.add_tmpfs(config, f"/mnt/{n}", *words.split(","))
    c = t.sleeper(config)
    for n, (words, expected) in enumerate(cases.items()):
        found = kernel.mount_at(c.pid, f"/mnt/{n}").superopts
        t.equal(set(found) & {"sync", "dirsync", "mand"}, expected, words)


@needs("root")
def test_opposites(t):
    """suid, rw and the like take back, of the top or the whole tree, what the source's mounts have"""
    source = t.path("tree")
    os.mkdir(source)
    hard = ["nosuid", "nodev", "noexec", "noatime", "ro"]
    subprocess.run(["mount", "-t", "tmpfs", "none", source], check=True)
    os.mkdir(source + "/sub")
    subprocess.run(["mount", "-t", "tmpfs", "none", source + "/sub"], check=True)
    try:
        for path in (source, source + "/sub"):
            subprocess.run(["mount", "-o", "remount,bind," + ",".join(hard), path], check=True)
        words = {"rsuid": "nosuid", "rdev": "nodev", "rexec": "noexec", "rrw": "ro",
                 "norelatime": "noatime", "nostrictatime": "noatime", "suid": "nosuid"}
        config = inside.add_tmpfs(t.config(), "/mnt")
        for word in words:
            inside.add_bind(config, source, f"/mnt/{word}", "rbind", word)
        c = t.sleeper(config)
        for word, gone in words.items():
            for sub in ("", "/sub"):
                left = set(hard) - ({gone} if not sub or word[0] == "r" else set())
                found = kernel.mount_at(c.pid, f"/mnt/{word}{sub}").options
                t.equal(set(found) & set(hard), left, f"{word} {sub}")
        c.delete("--force")
    finally:
        subprocess.run(["umount", "-R", source], check=True)


@needs("root")
def test_recursive_access_times(t):
    """the access time options of a whole tree, with their opposites"""
    source = t.path("tree")
    os.makedirs(source + "/sub")
    subprocess.run(["mount", "-t", "tmpfs", "none", source + "/sub"], check=True)
    try:
        config = inside.add_tmpfs(t.config(), "/mnt")
        cases = {"rnoatime": {"noatime"}, "rrelatime": {"relatime"}, "rstrictatime": set(),
                 "rnodiratime": {"nodiratime", "relatime"}, "rnosymfollow": {"nosymfollow",
                                                                           "relatime"},
                 "rnoatime,ratime": {"relatime"}, "rnodiratime,rdiratime": {"relatime"},
                 "rnosymfollow,rsymfollow": {"relatime"}, "rstrictatime,rnostrictatime":
                 {"relatime"}, "rnoatime,rnorelatime": {"relatime"}}
        for n, words in enumerate(cases):
            inside.add_bind(config, source, f"/mnt/{n}", "rbind", *words.split(","))
        c = t.sleeper(config)
        all_words = {"noatime", "relatime", "nodiratime", "nosymfollow"}
        for n, (words, expected) in enumerate(cases.items()):
            found = kernel.mount_at(c.pid, f"/mnt/{n}/sub").options
            t.equal(set(found) & all_words, expected, words)
        c.delete("--force")
    finally:
        subprocess.run(["umount", source + "/sub"], check=True)


@needs("root")
def test_options_of_a_file_system_on_a_bind(t):
    """a bind takes no options of a file system: they are left out, and that is said"""
    os.mkdir(t.path("source"))
    config = inside.add_bind(t.config(), t.path("source"), "/mnt", "bind", "size=5k")
    path = t.bundle(config)
    plan = t.ok("plan", "--bundle", path)
    t.contains(plan.out, "size=5k is left out")
    t.equal(t.skiff("run", "--bundle", path, t.new_id()).rc, 0)


@needs("root")
def test_copied_link(t):
    """copy-symlink: a source that is a link is made anew; anything else is bound"""
    rootfs = t.rootfs()
    os.symlink("../gone/away", t.path("link"))
    os.mkdir(t.path("dir"))
    config = inside.add_bind(t.config("/bin/sleep", "100000"), t.path("link"), "/new/deep/link",
                             "bind", "copy-symlink")
    inside.add_bind(config, t.path("dir"), "/mnt", "bind", "copy-symlink")
    c = t.background(config, rootfs=rootfs)
    t.equal(c.sh("readlink /new/deep/link").out, "../gone/away\n")
    t.equal(kernel.mount_at(c.pid, "/new/deep/link"), None)
    t.true(kernel.mount_at(c.pid, "/mnt"), "the directory is not bound")
    c.delete("--force")
    t.equal(t.run(config | {"process": t.config()["process"]}, rootfs=rootfs).rc, 0)
    os.unlink(rootfs + "/new/deep/link")
    os.symlink("elsewhere", rootfs + "/new/deep/link")
    t.fails(t.run(config, rootfs=rootfs), "mounts[7].destination", "/new/deep/link",
            "no link to the same place", rc=1)


@needs("root")
def test_copied_link_stays_inside(t):
    """the link is made inside the root, whatever links the image has on the way"""
    rootfs, canary = t.rootfs(), t.path("canary")
    os.mkdir(canary)
    os.symlink(canary, rootfs + "/way")
    os.symlink("x", t.path("link"))
    config = inside.add_bind(t.config(), t.path("link"), "/way/link", "bind", "copy-symlink")
    t.run(config, rootfs=rootfs)
    t.equal(os.listdir(canary), [])


@needs("root")
def test_link_as_source(t):
    """src-nofollow binds a link itself, over a link of the image"""
    rootfs = t.rootfs()
    os.symlink("to-the-host", t.path("link"))
    os.symlink("to-the-image", rootfs + "/etc/link")
    config = inside.add_bind(t.config(), t.path("link"), "/etc/link", "bind", "src-nofollow",
                             "dest-nofollow")
    result = t.sh("readlink /etc/link", config, rootfs=rootfs)
    t.equal(result.out, "to-the-host\n", result.err)
    t.equal(os.readlink(rootfs + "/etc/link"), "to-the-image")


@needs("root")
def test_link_as_destination(t):
    """dest-nofollow covers a link of the image itself; without it the link is followed"""
    rootfs = t.rootfs()
    os.symlink("group", rootfs + "/etc/link")
    with open(t.path("file"), "w", encoding="utf-8") as f:
        f.write("bound\n")
    for options, words in (([], ["bound", "bound"]), (["dest-nofollow"], ["bound", "root:x:0:"])):
        config = inside.add_bind(t.config(), t.path("file"), "/etc/link", "bind", *options)
        result = t.sh("head -n1 /etc/link /etc/group | grep -v ==", config, rootfs=rootfs)
        t.equal(result.out.split(), words, f"{options}: {result.err}")


@needs("root")
def test_bind_of_special_files(t):
    """a socket, a FIFO and a device can be bound; where there is nothing a file is made"""
    os.mkfifo(t.path("fifo"))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(t.path("sock"))
    config = t.config()
    for name, path in (("fifo", t.path("fifo")), ("sock", t.path("sock")), ("null", "/dev/null")):
        inside.add_bind(config, path, f"/run/{name}", "bind")
    rootfs = t.rootfs()
    config["process"]["args"] = ["/bin/sleep", "100000"]
    c = t.background(config, rootfs=rootfs)
    kinds = [stat.filemode(os.stat(inside.root_path(c.pid, f"/run/{name}")).st_mode)[0]
             for name in ("fifo", "sock", "null")]
    t.equal(kinds, ["p", "s", "c"])
    t.true(all(stat.S_ISREG(os.stat(f"{rootfs}/run/{name}").st_mode)
               for name in ("fifo", "sock", "null")), "mount points")
    listening.close()


@needs("root")
def test_remount(t):
    """remount changes a mount that is there, with bind its attributes alone"""
    os.mkdir(t.path("source"))
    config = inside.add_tmpfs(t.config(), "/mnt", "size=64k")
    inside.add_mount(config, "/mnt", "none", "none", ["remount", "size=128k", "nosuid"])
    inside.add_bind(config, t.path("source"), "/home", "bind")
    inside.add_mount(config, "/home", "none", "none", ["remount", "bind", "ro", "nodev"])
    c = t.sleeper(config)
    mount = kernel.mount_at(c.pid, "/mnt")
    t.true("nosuid" in mount.options and "size=128k" in mount.superopts, f"{mount}")
    mount = kernel.mount_at(c.pid, "/home")
    t.true({"ro", "nodev"} <= set(mount.options) and "rw" in mount.superopts, f"{mount}")


def locked_source(t):
    """a mount of the host with attributes that are locked in a user namespace"""
    source = t.path("locked")
    os.mkdir(source)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime", "none", source],
                   check=True)
    return source


@needs("root", "cmd:unshare")
def test_locked_attributes(t):
    """what comes from an outer user namespace keeps its attributes: binds and remounts of it work,
    and are never more open than it is"""
    source = locked_source(t)
    try:
        config = t.config("/bin/cat", "/proc/self/mountinfo")
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": 0, "size": 1}]
        config["mounts"] = [m for m in config["mounts"] if m["type"] not in ("cgroup", "devpts")]
        for point, options in (("/mnt", ["ro"]), ("/home", ["rbind", "rro"]), ("/var", ["rw"]),
                               ("/run", ["suid", "dev", "exec", "atime"])):
            inside.add_bind(config, source, point, "bind", *options)
        inside.add_mount(config, "/var", "none", "none", ["remount", "bind", "ro"])
        result = t.command("unshare", "-Urm", "--propagation", "unchanged", t.binary, "--root",
                           t.root, "--cgroup-manager", "disabled", "run", "--bundle",
                           t.bundle(config), t.new_id())
        t.equal(result.rc, 0, result.err)
        found = {line.split()[4]: set(line.split()[5].split(","))
                 for line in result.out.splitlines()}
        for point, more in (("/mnt", {"ro"}), ("/home", {"ro"}), ("/var", {"ro"}),
                            ("/run", set())):
            t.equal(({"nosuid", "nodev", "noexec", "noatime"} | more) - found[point], set(),
                    f"{point}: lacking of {found[point]}")
    finally:
        subprocess.run(["umount", source], check=True)


@needs("root")
def test_refused_destinations(t):
    """a destination through a magic link of /proc, or the root itself, is refused"""
    for destination, words in (("/proc/self/fd/3", "link"), ("/proc/1/root/mnt", "link"),
                               ("/proc/self/cwd/mnt", "link"), ("/", "root.path"),
                               ("/mnt/..", "root.path")):
        t.note(destination)
        t.fails(t.run(inside.add_tmpfs(t.config(), destination)), "mounts[7].destination", words,
                rc=1)
        t.equal(os.listdir(t.root), [], "state")
