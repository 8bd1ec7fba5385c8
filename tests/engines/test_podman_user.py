"""Podman without root.  What needs no particular user is in test_podman.py and runs here, too."""
import os

import kernel
from engine import is_skiff
from harness import limit, needs, tag
from podman import IMAGE, Podman, runtime_dir


@needs("user", "vm", "cmd:podman")
@tag("engine")
@limit(300)
def test_place(t):
    """whose container it is: ids, cgroup, and where its state is kept, although Podman calls the
    runtime as uid 0 of its user namespace"""
    with Podman(t) as podman:
        c = podman.start("--user", "7:8", IMAGE, "sleep", "100000")
        t.equal(kernel.id_map(c.pid)[0], (0, os.geteuid(), 1))
        t.equal(kernel.status(c.pid)["Uid"].split()[0], str(100000 + 7 - 1))
        t.contains(kernel.cgroup_dirs(c.pid)[""],
                   f"/user@{os.geteuid()}.service/user.slice/libpod-{c.id}.scope")
        if is_skiff(t):
            t.true(os.path.isdir(f"{runtime_dir()}/skiff/{c.id}"), "state in XDG_RUNTIME_DIR")
            listed = t.command(t.binary, "list", "--quiet")
            t.contains(listed.out.split(), c.id, "`skiff list` of the user")
        c.remove()


@needs("user", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_kept_groups(t):
    """--group-add keep-groups: the user's own groups, which have no id inside"""
    with Podman(t) as podman:
        c = podman.start("--group-add", "keep-groups", IMAGE, "sleep", "100000")
        t.equal(set(map(int, kernel.status(c.pid)["Groups"].split())), set(os.getgroups()))
        c.remove()
        c = podman.start(IMAGE, "sleep", "100000")
        t.equal(kernel.status(c.pid)["Groups"].split(), [], "without it")
        c.remove()


@needs("user", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_own_id(t):
    """--userns=keep-id: the user is the same person inside, in a namespace within Podman's"""
    with Podman(t) as podman:
        result = podman.once("--userns", "keep-id", IMAGE, "id", "-u")
        t.equal(result.out, f"{os.geteuid()}\n")


@needs("user", "vm", "cmd:podman", "cmd:slirp4netns")
@tag("engine", "slow")
@limit(300)
def test_network(t):
    """slirp4netns gives the container a network before its program runs"""
    with Podman(t) as podman:
        result = podman.once(IMAGE, "ip", "-o", "addr", network="slirp4netns")
        t.contains(result.out, "tap0")


@needs("user", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_cgroupfs(t):
    """--cgroup-manager=cgroupfs, for machines without systemd"""
    with Podman(t, "cgroupfs") as podman:
        c = podman.start("--userns", "keep-id", IMAGE, "sleep", "100000")
        t.equal(c.exec("id", "-u").out, f"{os.geteuid()}\n")
        c.remove()


@needs("user", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_automatic_ids(t):
    """--userns=auto: ids of the user's own that no other container has"""
    with Podman(t) as podman:
        one, two = (podman.start("--userns", "auto", IMAGE, "sleep", "100000") for _ in range(2))
        maps = [kernel.id_map(c.pid)[0] for c in (one, two)]
        for c, (inside, outside, size) in zip((one, two), maps):
            t.equal((inside, outside >= 100000, size >= 1024), (0, True, True), "map")
            t.equal(kernel.status(c.pid)["Uid"].split()[0], str(outside))
        (_, first, size), (_, second, _) = sorted(maps)
        t.true(first + size <= second, f"shared ids: {maps}")
        one.remove()
        two.remove()
