"""Whose a cgroup is, and how deep it may be: what delete and kill find there."""
import json
import os

import kernel
from harness import needs

DEPTH, NAME = 30, "x" * 200  # a path of more than PATH_MAX


def half_made(t, c, *files):
    """the state of a container whose creator was killed early, with the cgroups of c"""
    ident = t.new_id()
    os.mkdir(f"{t.root}/{ident}", 0o700)
    state = json.loads(kernel.read(f"{t.root}/{c.id}/state.json"))
    state["id"] = ident
    for name, text in (("state.json", json.dumps(state)), *files):
        with open(f"{t.root}/{ident}/{name}", "w") as f:
            f.write(text)
    return ident


@needs("root")
def test_never_got_the_cgroup(t):
    """A creator that was killed before it had made its cgroup leaves the name of one that is
    another's: delete --force kills nobody there"""
    c = t.sleeper()
    ident = half_made(t, c)
    t.ok("delete", "--force", ident)
    t.true(kernel.is_alive(c.pid), "the other's process was killed")
    t.true(not os.path.exists(f"{t.root}/{ident}"), "state left")
    t.equal(c.state()["status"], "running")


@needs("root")
def test_got_the_cgroup(t):
    """the twin: what came after the cgroups were made is killed"""
    c = t.sleeper()
    ident = half_made(t, c, ("config.json", json.dumps(t.config())))
    t.ok("delete", "--force", ident)
    t.true(not kernel.is_alive(c.pid), "the process lives")


@needs("root")
def test_own_empty_cgroup(t):
    """a cgroup that was made before the creator was killed goes, too"""
    c = t.sleeper()
    dirs = {path for path in kernel.cgroup_dirs(c.pid).values() if t.mark in path}
    ident = half_made(t, c)
    c.delete("--force")
    for path in dirs:
        os.mkdir(path)
    t.ok("delete", "--force", ident)
    t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")


def deepest(path):
    """a descriptor of a cgroup far below path"""
    fd = os.open(path, os.O_DIRECTORY)
    for _ in range(DEPTH):
        os.mkdir(NAME, dir_fd=fd)
        below = os.open(NAME, os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    return fd


def enter(fd, pid):
    with open("cgroup.procs", "w", opener=lambda name, flags: os.open(name, flags, dir_fd=fd)) as f:
        f.write(str(pid))
    os.close(fd)


@needs("root")
def test_deep_tree(t):
    """processes are found, signalled and killed in cgroups whose path is longer than the kernel
    takes at once"""
    config = t.config()
    config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"]
                                     if ns["type"] != "pid"]
    c = t.sleeper(config)
    child = t.spawn("/bin/sleep", "100000")
    dirs = {path for path in kernel.cgroup_dirs(c.pid).values() if t.mark in path}
    for path in dirs:
        # A v1 cpuset has nothing to run on until it is told.
        if "/cpuset/" not in path:
            enter(deepest(path), child.pid)
    c.kill("KILL", "--all")
    t.equal(child.wait(5), -9)
    c.delete("--force")
    t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")


@needs("root")
def test_cgroups_with_a_dot(t):
    """a cgroup whose name begins with a dot hides no process and holds up no delete"""
    c = t.sleeper()
    process = t.spawn("/bin/sleep", "100000")
    for path in {path for path in kernel.cgroup_dirs(c.pid).values() if t.mark in path}:
        os.mkdir(f"{path}/.hidden")
        for name in ("cpuset.cpus", "cpuset.mems"):  # v1: empty ones take no process
            if os.path.exists(f"{path}/.hidden/{name}") and os.path.exists(f"{path}/tasks"):
                with open(f"{path}/.hidden/{name}", "w") as f:
                    f.write(kernel.read(f"{path}/{name}"))
        with open(f"{path}/.hidden/cgroup.procs", "w") as f:
            f.write(str(process.pid))
    t.contains(t.ok("ps", "--format", "json", c.id).out, str(process.pid), "ps")
    t.ok("delete", "--force", c.id)
    t.true(process.wait(5) != 0, "the hidden process lives")
