"""Inside an outer user namespace that an ordinary user has made with ranges of ids: how rootless
engines call (euid 0 there, a mount namespace of their own)."""
import contextlib
import os
import subprocess

import kernel
from bundle import add_user_namespace
from harness import needs
from test_rootless import UID, as_user, home

FIRST = 300000
OUTER = ("unshare", "--user", "--map-auto", "--map-root-user", "--mount", "--setgroups", "allow")

needed = needs("root", "cmd:setpriv", "cmd:unshare", "cmd:newuidmap")


@contextlib.contextmanager
def ranges(t):
    """the ids that the user may map"""
    with open(t.path("subid"), "w", encoding="utf-8") as f:
        f.write(f"nobody:{FIRST}:65536\n")
    for name in ("/etc/subuid", "/etc/subgid"):
        subprocess.run(["mount", "--bind", t.path("subid"), name], check=True)
    try:
        yield
    finally:
        for name in ("/etc/subuid", "/etc/subgid"):
            subprocess.run(["umount", name], check=True)


def config_of(t, script, user_ns=False):
    """what an engine asks for: everything of the default but limits"""
    config = t.config("/bin/sh", "-c", script)
    del config["linux"]["resources"]
    if user_ns:
        add_user_namespace(config, 1, 10000)
    return config


def run(t, config, *options, before=":", rootfs=None):
    """`run` in the outer namespace, after a shell command there"""
    rootfs = rootfs or t.rootfs()
    subprocess.run(["chown", "-R", f"{UID}:{UID}", rootfs], check=True)
    path = t.bundle(config, rootfs)
    return as_user(t, *options, "--root", home(t) + "/state", "run", "--bundle", path, t.new_id(),
                   options=("--", *OUTER, "sh", "-c", f'{before} && exec "$@"', "sh"))


@needed
def test_ranges(t):
    """users, groups, terminals' group, devices and the kernel's file systems are there, without a
    user namespace of the container's own and in one"""
    with ranges(t):
        for user_ns in (False, True):
            t.note(f"own user namespace: {user_ns}")
            config = config_of(t, "id -u; id -G; stat -c %u:%g /dev/pts/ptmx; hostname; "
                               "cat /proc/self/setgroups; echo x >/dev/null && "
                               "grep -o ' /dev/mqueue .* - mqueue' /proc/self/mountinfo | wc -l; "
                               "grep -c ' /dev/null ' /proc/self/mountinfo; "
                               "ls /sys/class/net; kill -0 1; exit 3", user_ns)
            config["hostname"] = "nested"
            config["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}
            config["process"]["oomScoreAdj"] = -500
            result = run(t, config)
            t.equal((result.rc, result.out.split("\n")[:8]),
                    (3, ["1000", "1001 5 7", "0:0", "nested", "allow", "1", "1", "lo"]),
                    result.err)


@needed
def test_ids_outside(t):
    """the files that the container writes have the ids of the user's ranges"""
    with ranges(t):
        for user_ns, owner in ((False, FIRST + 6), (True, FIRST + 7)):
            shared = t.path(f"shared-{user_ns}")
            os.mkdir(shared)
            os.chmod(shared, 0o777)
            config = config_of(t, "touch /mnt/file", user_ns)
            config["process"]["user"] = {"uid": 7, "gid": 7}
            config["mounts"].append({"destination": "/mnt", "source": shared,
                                     "options": ["rbind", "rw"]})
            result = run(t, config)
            t.equal(result.rc, 0, result.err)
            t.equal(os.stat(shared + "/file").st_uid, owner, f"own user namespace: {user_ns}")


@needed
def test_locked_flags(t):
    """what the host has forbidden for a mount stays forbidden, whatever the bind asks for, and
    does not keep the container from running"""
    host = t.path("host")
    os.mkdir(host)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime,mode=777", "none",
                    host], check=True)
    try:
        with ranges(t):
            for asked in (["rbind", "rw"], ["bind", "ro"], ["rbind", "rro"],
                          ["bind", "exec", "suid", "dev"], ["bind", "relatime"],
                          ["bind", "nosuid", "rprivate"]):
                for user_ns in (False, True):
                    t.note(f"{asked}, own user namespace: {user_ns}")
                    config = config_of(t, "grep ' /mnt ' /proc/self/mountinfo", user_ns)
                    config["mounts"].append({"destination": "/mnt", "source": host,
                                             "options": asked})
                    result = run(t, config)
                    t.equal(result.rc, 0, result.err)
                    found = result.out.split()[5].split(",")
                    t.equal({"nosuid", "nodev", "noexec", "noatime"} - set(found), set(),
                            "flags lost")
                    t.equal(found[0], "ro" if {"ro", "rro"} & set(asked) else "rw")
    finally:
        subprocess.run(["umount", host], check=True)


@needed
def test_locked_read_only(t):
    """a mount that the host has read-only cannot be made writable: it stays as it is"""
    host = t.path("host")
    os.mkdir(host)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", host], check=True)
    try:
        with ranges(t):
            config = config_of(t, "grep ' /mnt ' /proc/self/mountinfo; touch /mnt/x")
            config["mounts"].append({"destination": "/mnt", "source": host,
                                     "options": ["rbind", "rw"]})
            result = run(t, config)
            t.contains(result.err, "Read-only")
            t.contains(result.out, " ro,")
    finally:
        subprocess.run(["umount", host], check=True)


@needed
def test_host_network(t):
    """in the host's network, and in one that somebody else has made, sysfs is the caller's, bound,
    read-only where it was asked for"""
    with ranges(t):
        for user_ns in (False, True):
            for net in (None, home(t) + "/net"):
                t.note(f"own user namespace: {user_ns}, network {net}")
                config = config_of(t, "grep -c ' /sys ' /proc/self/mountinfo; ls /sys/class; "
                                   "touch /sys/x", user_ns)
                spaces = config["linux"]["namespaces"]
                spaces[:] = [n for n in spaces if n["type"] != "network"]
                before = ":"
                if net:
                    spaces.append({"type": "network", "path": net})
                    before = f"touch {net} && unshare --net={net} true"
                result = run(t, config, before=before)
                t.contains(result.out, "net", "classes in /sys")
                t.contains(result.err, "touch: /sys/x")


@needed
def test_masked_proc(t):
    """where the caller's /proc is covered in part, the kernel refuses a fresh one: the message
    says so"""
    with ranges(t):
        subprocess.run(["mount", "-t", "tmpfs", "none", "/proc/sys"], check=True)
        try:
            result = run(t, config_of(t, "true"))
        finally:
            subprocess.run(["umount", "/proc/sys"], check=True)
        t.fails(result, "mounts[0]", "proc", "are covered", rc=1)


@needed
def test_no_cgroup(t):
    """a limit that nobody can hold is refused with the way out; without limits, or with
    --cgroup-manager disabled, the container runs"""
    with ranges(t):
        config = config_of(t, "exit 4")
        t.equal(run(t, config).rc, 4)
        config["linux"]["resources"] = {"pids": {"limit": 10}}
        result = run(t, config)
        t.fails(result, "cgroup", rc=1)
        t.equal(run(t, config, "--cgroup-manager", "disabled").rc, 4)


@needs("v2")
@needed
def test_cgroup_view(t):
    """without a cgroup namespace nothing but the own cgroup is to be seen, and not for writing:
    its files may be the user's"""
    with ranges(t):
        config = config_of(t, "grep ' - cgroup2 ' /proc/self/mountinfo; cat /proc/self/cgroup")
        next(m for m in config["mounts"] if m["type"] == "cgroup")["options"].remove("ro")
        result = run(t, config)
        lines = result.out.splitlines()
        own = next(line for line in lines if line.startswith("0::"))[3:]
        words = next(line for line in lines if " - cgroup2 " in line).split()
        t.equal((words[4], words[5].split(",")[0]), ("/sys/fs/cgroup", "ro"))
        t.equal(words[3], own, "root of the mount")
