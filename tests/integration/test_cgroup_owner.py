"""Cgroup ownership (config-linux): when the container's user gets its cgroup, and how much of it."""
import os

import bundle
import kernel
from harness import needs

OUTSIDE = 100000


def config_of(t, cgroup_ns=True, writable=True, uid=0, user_ns=True):
    config = t.config("/bin/sleep", "100000")
    if user_ns:
        bundle.add_user_namespace(config, OUTSIDE)
    if cgroup_ns:
        config["linux"]["namespaces"].append({"type": "cgroup"})
    if writable:
        next(m for m in config["mounts"] if m["type"] == "cgroup")["options"].remove("ro")
    config["process"]["user"] = {"uid": uid, "gid": uid}
    return config


def owners(c):
    path = kernel.cgroup_dirs(c.pid)[""]
    found = {name: os.stat(f"{path}/{name}").st_uid for name in os.listdir(path)}
    return os.stat(path).st_uid, found


@needs("root", "v2")
def test_handed_over(t):
    """the directory and the kernel's list of files become the user's, and no other file does"""
    if "pids" in kernel.cgroup_mounts():
        t.skip("v1 is there")
    listed = kernel.read("/sys/kernel/cgroup/delegate").split()
    for how, uid in (({}, OUTSIDE), ({"uid": 7}, OUTSIDE + 7), ({"uid": 7, "user_ns": False}, 7)):
        t.note(str(how))
        c = t.background(config_of(t, **how))
        directory, files = owners(c)
        t.equal(directory, uid)
        t.equal({name for name, owner in files.items() if owner == uid},
                {name for name in listed if name in files})
        t.equal({owner for name, owner in files.items() if name not in listed}, {0})


@needs("root", "v2")
def test_used(t):
    """the container's root makes a cgroup below its own and moves into it"""
    if "pids" in kernel.cgroup_mounts():
        t.skip("v1 is there")
    c = t.background(config_of(t))
    result = c.sh("cd /sys/fs/cgroup && mkdir own && echo $$ >own/cgroup.procs && "
                  "cat /proc/self/cgroup; echo 1 >pids.max")
    t.contains(result.out, "0::/own")
    t.true(result.err, "a limit of its own cgroup could be written")


@needs("root", "v2")
def test_delegate(t):
    """run.oci.delegate-cgroup: one more directory is the container's own, in or without a cgroup
    namespace; exec finds it, and delete takes what was made in it"""
    if "pids" in kernel.cgroup_mounts():
        t.skip("v1 is there")
    for cgroup_ns, uid, name in ((True, 7, "a/b"), (False, 0, "inner")):
        t.note(name)
        config = config_of(t, cgroup_ns=cgroup_ns, uid=uid)
        config["annotations"] = {"run.oci.delegate-cgroup": name}
        c = t.background(config)
        path = kernel.cgroup_dirs(c.pid)[""]
        above = path[:-len(name) - 1]
        t.true(path.endswith(f"/{name}") and os.path.isdir(above), f"cgroup {path}")
        t.equal((os.stat(path).st_uid, os.stat(path + "/cgroup.procs").st_uid),
                (OUTSIDE + uid,) * 2)
        t.equal(kernel.read(above + "/cgroup.procs"), "")
        if cgroup_ns:
            t.contains(c.sh("cat /proc/1/cgroup").out, f"0::/{name}\n")
            t.equal(c.sh(f"mkdir /sys/fs/cgroup/{name}/more").rc, 0)
        c.delete("--force")
        t.true(not os.path.exists(above), f"{above} is left")


@needs("root")
def test_delegate_refused(t):
    """where it cannot be: with version 1, without a cgroup, outside of the container's"""
    for name, options, phrase in (("x", ("--cgroup-manager", "disabled"), "cgroup"),
                                  ("../x", (), ".." if "pids" not in kernel.cgroup_mounts()
                                   else "cgroup v2")):
        config = t.config()
        config["annotations"] = {"run.oci.delegate-cgroup": name}
        t.fails(t.skiff(*options, "run", "--bundle", t.bundle(config), t.new_id()),
                "annotations.run.oci.delegate-cgroup", phrase, rc=1)
    t.equal(os.listdir(t.root), [])


@needs("root")
def test_not_handed_over(t):
    """not without a cgroup namespace, a writable mount, or version 2"""
    cases = [{"cgroup_ns": False}, {"writable": False}]
    if "pids" in kernel.cgroup_mounts():
        cases = [{}]
    for how in cases:
        t.note(str(how))
        c = t.background(config_of(t, **how))
        for path in kernel.cgroup_dirs(c.pid).values():
            if t.mark in path:
                t.equal(os.stat(path).st_uid, 0, path)
                t.equal(os.stat(path + "/cgroup.procs").st_uid, 0, path)
