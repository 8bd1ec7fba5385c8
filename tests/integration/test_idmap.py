"""idmapped mounts: whose files they show, on which file systems, and what is refused."""
import json
import os
import platform
import re
import subprocess

import inside
import kernel
from bundle import add_user_namespace
from harness import needs

# The first kernel that can idmap a file system of this kind.
SINCE = {"ext4": (5, 12), "xfs": (5, 12), "btrfs": (5, 15), "tmpfs": (6, 3)}


def can_idmap(path):
    """(whether this kernel can idmap the file system at path, its kind)"""
    device = os.stat(path).st_dev
    kinds = [m.fstype for m in kernel.mountinfo()
             if os.path.isdir(m.point) and os.stat(m.point).st_dev == device]
    release = tuple(int(n) for n in re.findall(r"\d+", platform.release())[:2])
    return release >= SINCE.get(kinds[0], (99,)), kinds[0]


def source(t, name="source"):
    """a directory with files of several owners; skips where it cannot be idmapped"""
    path = t.path(name)
    os.mkdir(path)
    for uid, gid in ((0, 0), (5, 7), (1000, 1000), (100005, 100007)):
        open(f"{path}/{uid}", "w", encoding="utf-8").close()
        os.chown(f"{path}/{uid}", uid, gid)
    able, kind = can_idmap(path)
    if not able:
        t.skip(f"{kind} cannot be idmapped by this kernel")
    return path


def ids(first, outside, count):
    return [{"containerID": first, "hostID": outside, "size": count}]


def add_idmapped(config, path, *options, uids=None, gids=None, to="/mnt"):
    inside.add_bind(config, path, to, *options)
    if uids:
        config["mounts"][-1].update(uidMappings=uids, gidMappings=gids or uids)
    return config


def owners(c, path="/mnt"):
    """{file: (uid, gid)} as the container sees them"""
    lines = c.sh(f"cd {path} && stat -c '%n %u %g' *").out.splitlines()
    return {name: (int(uid), int(gid)) for name, uid, gid in (line.split() for line in lines)}


@needs("root")
def test_own_mappings(t):
    """uidMappings and gidMappings of a mount: left is the owner on the disk, right what is seen"""
    path = source(t)
    for options in (["bind", "idmap"], ["bind"], ["rbind", "ridmap"]):
        config = add_idmapped(t.config(), path, *options, uids=ids(0, 1000, 10),
                              gids=ids(0, 2000, 10))
        c = t.sleeper(config)
        t.equal(owners(c), {"0": (1000, 2000), "5": (1005, 2007), "1000": (65534, 65534),
                            "100005": (65534, 65534)}, f"{options}")
        mount = kernel.mount_at(c.pid, "/mnt")
        t.true("idmapped" in mount.options, f"mountinfo: {mount.options}")
        c.delete("--force")


@needs("root")
def test_files_made_through_it(t):
    """a file that the container makes gets the owner on the disk that the mapping says"""
    path = source(t)
    config = add_idmapped(t.config(), path, "bind", "idmap", uids=ids(5, 0, 1), gids=ids(7, 0, 1))
    os.chown(path, 5, 7)  # whose owner has no number here, the kernel does not change
    t.equal(t.sh("touch /mnt/new", config).rc, 0)
    st = os.stat(path + "/new")
    t.equal((st.st_uid, st.st_gid), (5, 7))


@needs("root")
def test_users_of_the_container(t):
    """idmap alone maps by the container's user namespace: the files' ids are the container's"""
    path = source(t)
    config = add_idmapped(add_user_namespace(t.config()), path, "bind", "idmap")
    add_idmapped(config, path, "bind", to="/home")
    c = t.sleeper(config)
    t.equal(owners(c), {"0": (0, 0), "5": (5, 7), "1000": (1000, 1000),
                        "100005": (65534, 65534)})
    t.equal(owners(c, "/home")["100005"], (5, 7), "the mount without idmap")


@needs("root")
def test_mappings_as_the_containers(t):
    """engines repeat the container's mappings at each mount; others may stand beside them"""
    path = source(t)
    config = add_user_namespace(t.config())
    for to, outside in (("/mnt", 100000), ("/home", 100000), ("/tmp", 100001), ("/var", 100001)):
        add_idmapped(config, path, "bind", "idmap", uids=ids(0, outside, 65536), to=to)
    c = t.sleeper(config)
    t.equal([owners(c, to)["5"] for to in ("/mnt", "/home", "/tmp", "/var")],
            [(5, 7), (5, 7), (6, 8), (6, 8)])


@needs("root")
def test_joined_user_namespace(t):
    """idmap maps by a user namespace that the container joins"""
    path = source(t)
    first = t.sleeper(add_user_namespace(t.config()))
    config = t.config()
    config["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{first.pid}/ns/user"})
    t.equal(owners(t.sleeper(add_idmapped(config, path, "bind", "idmap")))["5"], (5, 7))


@needs("root")
def test_option_with_mappings(t):
    """idmap=uids=..;gids=.. as crun reads it; @ counts from the container's ids"""
    path = source(t)
    config = add_idmapped(t.config(), path, "bind", "idmap=uids=5-1005-1#0-77-1;gids=0-3000-10")
    t.equal({name: owner for name, owner in owners(t.sleeper(config)).items() if len(name) < 2},
            {"5": (1005, 3007), "0": (77, 3000)})
    config = add_idmapped(add_user_namespace(t.config()), path, "bind",
                          "idmap=uids=@5-1000-1;gids=@7-1001-1")
    t.equal(owners(t.sleeper(config))["5"], (1000, 1001))
    for text, words in (("uids=0-1", "three numbers"), ("uids=0-1-0", "count above 0"),
                        ("uids=0-1-1", "gids="), ("uids=x-1-1;gids=0-0-1", "three numbers"),
                        ("pids=1-1-1", "uids="), ("", "uids="),
                        ("uids=@70000-1-1;gids=0-0-1", "no single range"),
                        ("uids=0-1-1-1;gids=0-0-1", "count above 0")):
        t.note(text)
        t.fails(t.run(add_idmapped(t.config(), path, "bind", "idmap=" + text)),
                "mounts[7].options", words, rc=1)


@needs("root")
def test_recursive(t):
    """ridmap maps the mounts below as well, idmap the top alone"""
    path = source(t)
    os.mkdir(path + "/sub")
    below = source(t, "below")
    subprocess.run(["mount", "--bind", below, path + "/sub"], check=True)
    try:
        config = t.config()
        for to, word in (("/mnt", "idmap"), ("/home", "ridmap")):
            add_idmapped(config, path, "rbind", word, uids=ids(0, 1000, 10), to=to)
        c = t.sleeper(config)
        t.equal([owners(c, to + sub)["5"] for to in ("/mnt", "/home") for sub in ("", "/sub")],
                [(1005, 1007), (5, 7), (1005, 1007), (1005, 1007)])
        c.delete("--force")
    finally:
        subprocess.run(["umount", path + "/sub"], check=True)


@needs("root")
def test_other_options_count(t):
    """read-only and the like count for an idmapped mount as for any other"""
    path = source(t)
    config = add_idmapped(t.config(), path, "bind", "idmap", "ro", "nosuid", "noexec",
                          uids=ids(0, 1000, 10))
    c = t.sleeper(config)
    options = kernel.mount_at(c.pid, "/mnt").options
    t.equal({"ro", "nosuid", "noexec", "idmapped"} - set(options), set(), f"{options}")


@needs("root")
def test_file(t):
    """a single file can be idmapped"""
    path = source(t)
    config = add_idmapped(t.config(), path + "/5", "bind", "idmap", uids=ids(5, 42, 1),
                          gids=ids(7, 43, 1), to="/etc/group")
    t.equal(t.sh("stat -c '%u %g' /etc/group", config).out, "42 43\n")


@needs("root")
def test_tmpfs(t):
    """a tmpfs of the host, where the kernel can"""
    path = t.path("ram")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    try:
        config = add_idmapped(t.config(), path, "bind", "idmap", uids=ids(0, 1000, 10))
        if can_idmap(path)[0]:
            t.equal(t.sh("stat -c %u /mnt", config).out, "1000\n")
        else:
            t.fails(t.run(config), "mounts[7].options", "tmpfs", "cannot be idmapped", rc=1)
    finally:
        subprocess.run(["umount", path], check=True)


@needs("root")
def test_file_system_that_cannot(t):
    """the error names the mount and the file system that the kernel cannot idmap; nothing is left"""
    config = add_idmapped(t.config(), "/proc/sys", "rbind", "idmap", uids=ids(0, 1000, 10))
    t.fails(t.run(config), "mounts[7].options", "/proc/sys", "(proc)", "cannot be idmapped", rc=1)
    t.equal(os.listdir(t.root), [], "state")
    config = add_idmapped(add_user_namespace(t.config()), "/proc/sys", "bind", "idmap")
    t.fails(t.run(config), "mounts[7].options", "/proc/sys", "(proc)", "cannot be idmapped", rc=1)
    t.equal(os.listdir(t.root), [], "state")


@needs("root")
def test_refused(t):
    """what has no meaning is refused before anything is made"""
    path = t.path("x")
    os.mkdir(path)
    for change, words in (
            ({"options": ["bind", "idmap"]}, "needs uidMappings"),
            ({"options": ["bind", "idmap", "ridmap"], "uidMappings": ids(0, 1, 1),
              "gidMappings": ids(0, 1, 1)}, "contradict"),
            ({"options": ["bind", "idmap=uids=0-1-1;gids=0-1-1"], "uidMappings": ids(0, 1, 1),
              "gidMappings": ids(0, 1, 1)}, "contradict"),
            ({"options": ["bind"], "uidMappings": ids(0, 1, 1)}, "go together"),
            ({"type": "tmpfs", "uidMappings": ids(0, 1, 1), "gidMappings": ids(0, 1, 1),
              "options": ["idmap"]}, "only bind mounts")):
        t.note(json.dumps(change))
        config = inside.add_bind(t.config(), path, "/mnt", "bind")
        config["mounts"][-1].update(change)
        t.fails(t.run(config), "mounts[7]", words, rc=1)
        t.equal(os.listdir(t.root), [], "state")


@needs("root")
def test_no_process_is_left(t):
    """the user namespace of the mappings outlives its process: no child, no zombie"""
    path = source(t)
    config = add_idmapped(t.config(), path, "bind", "idmap", uids=ids(0, 1000, 10))
    log = t.path("strace")
    ident = t.new_id()
    result = t.command("strace", "-f", "-o", log, "-e", "trace=process", t.binary, "--root", t.root,
                       "run", "--bundle", t.bundle(config), ident)
    t.equal(result.rc, 0, result.err)
    text = kernel.read(log)
    t.contains(text, "CLONE_NEWUSER")
    child = re.search(r"clone\([^\n]*CLONE_NEWUSER.*?\) += (\d+)\n", text, re.S)
    t.true(child, "the child's pid")
    t.contains(text, f"wait4({child.group(1)},", "its end is collected")


@needs("root")
def test_features(t):
    """features says that idmapped mounts work"""
    t.equal(t.ok("features").json()["linux"]["mountExtensions"]["idmap"], {"enabled": True})
