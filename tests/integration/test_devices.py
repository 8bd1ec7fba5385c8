"""Device nodes: the default ones, those of linux.devices.  Rules are in test_device_rules."""
import os
import stat

import inside
from bundle import add_user_namespace
from harness import needs

FREE = 240  # for local use: no driver of a distribution takes it


def add_node(config, path, kind="c", major=FREE, minor=1, **more):
    entry = {"path": path, "type": kind, **more}
    if kind != "p":
        entry.update(major=major, minor=minor)
    config["linux"].setdefault("devices", []).append(entry)
    return config


@needs("root")
def test_default_nodes(t):
    """the six nodes of the specification are there for everybody, whatever the umask"""
    umask = os.umask(0o077)
    try:
        c = t.sleeper()
    finally:
        os.umask(umask)
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8),
                               ("urandom", 1, 9), ("tty", 5, 0)):
        t.equal(inside.node(c.pid, f"/dev/{name}"), ("c", major, minor, 0o666, 0, 0), name)


@needs("root")
def test_default_nodes_work(t):
    """null, zero, full and urandom do what they are for"""
    result = t.sh("echo x >/dev/null && head -c4 /dev/zero | od -An -tx1 && "
                  "head -c8 /dev/urandom | wc -c; echo x >/dev/full")
    t.equal(result.out.split(), ["00"] * 4 + ["8"])
    t.contains(result.err, "No space left on device")


@needs("root")
def test_links(t):
    """/dev has the links of the specification"""
    c = t.sleeper()
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
                         ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
        t.equal(os.readlink(inside.root_path(c.pid, f"/dev/{name}")), target)
    t.contains(os.readlink(inside.root_path(c.pid, "/dev/ptmx")), "pts/ptmx")


@needs("root")
def test_extra_nodes(t):
    """linux.devices are made with type, numbers, mode and owner, in missing directories"""
    config = t.config()
    add_node(config, "/dev/deep/er/one", minor=7, fileMode=0o640, uid=12, gid=34)
    add_node(config, "/dev/block", "b", major=241, minor=300000, fileMode=0o604)
    add_node(config, "/dev/plain", "u", minor=9)
    add_node(config, "/dev/fifo", "p", fileMode=0o622, uid=5)
    umask = os.umask(0o077)
    try:
        c = t.sleeper(config)
    finally:
        os.umask(umask)
    t.equal(inside.node(c.pid, "/dev/deep/er/one"), ("c", FREE, 7, 0o640, 12, 34))
    t.equal(inside.node(c.pid, "/dev/block"), ("b", 241, 300000, 0o604, 0, 0))
    t.equal(inside.node(c.pid, "/dev/plain")[:3], ("c", FREE, 9))
    t.equal(inside.node(c.pid, "/dev/fifo"), ("p", 0, 0, 0o622, 5, 0))
    st = os.stat(inside.root_path(c.pid, "/dev/deep"))
    t.equal((stat.S_ISDIR(st.st_mode), stat.S_IMODE(st.st_mode)), (True, 0o755), "/dev/deep")


@needs("root")
def test_node_outside_dev(t):
    """a device may be configured anywhere in the root file system"""
    config = add_node(inside.add_tmpfs(t.config(), "/mnt"), "/mnt/sub/node", minor=3)
    t.equal(inside.node(t.sleeper(config).pid, "/mnt/sub/node")[:3], ("c", FREE, 3))


@needs("root")
def test_default_node_configured(t):
    """a default node that the config lists, with a mode of its own, is no conflict"""
    config = add_node(t.config(), "/dev/null", major=1, minor=3, fileMode=0o600, uid=3, gid=4)
    t.equal(inside.node(t.sleeper(config).pid, "/dev/null")[:3], ("c", 1, 3))


@needs("root")
def test_in_user_namespace(t):
    """where nodes cannot be made, the default ones are the host's and work"""
    c = t.sleeper(add_user_namespace(t.config()))
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("tty", 5, 0)):
        t.equal(inside.node(c.pid, f"/dev/{name}")[:4], ("c", major, minor, 0o666), name)
    t.equal(c.sh("echo x >/dev/null && head -c2 /dev/zero | wc -c").out, "2\n")
