"""How many system calls each operation takes, with bundle A: what makes skiff quick stays so."""
import json
import os
import subprocess

import inside
import kernel
from harness import needs

HERE = os.path.dirname(os.path.abspath(__file__))


def static(t):
    """skip unless the program is static: a loader's calls are not skiff's"""
    if "INTERP" in t.command("readelf", "-lW", t.binary).out:
        t.skip("the program is not static")


def counted(t, *args, limit, payload=0):
    """run a command of skiff under strace; fail if it and its children take more calls than
    allowed, beyond those that the payload makes itself after its exec"""
    log = t.path("strace")
    t.spawn("strace", "-f", "-o", log, t.binary, "--root", t.root, *args,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    first = t.wait_until(lambda: inside.lines(log), what="a system call")[0].split()[0]
    # strace itself goes on as long as the container
    end = t.wait_until(lambda: [line for line in inside.lines(log)
                                if line.startswith(first) and "+++ exited" in line], 20, "the end")
    t.contains(end[0], "exited with 0")
    calls = [line for line in inside.lines(log)
             if "resumed>" not in line and " --- " not in line and " +++ " not in line]
    # SIGCHLD breaks a call off, and has it made again, only where a tracer looks on.
    n = len(calls) - payload - sum("ERESTARTSYS" in line for line in inside.lines(log))
    t.true(n <= limit, f"{args[0]} takes {n} system calls, {limit} are allowed: "
           + ", ".join(sorted({line.split(None, 1)[1].split("(")[0] for line in calls})))


def bundle_a(t):
    config = json.loads(kernel.read(f"{HERE}/../bench/bundle-a.json"))
    config["process"]["args"] = ["/bin/sleep", "100000"]
    return config


def calls_of_true(t):
    """the system calls of the payload /bin/true itself, after its exec"""
    log = t.path("strace-true")
    t.command("strace", "-f", "-qq", "-o", log, "chroot", t.shared_rootfs, "/bin/true")
    names = inside.lines(log)
    return len(names) - max(n for n, line in enumerate(names) if "execve(" in line) - 1


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_create(t):
    """create: 180 for both processes"""
    static(t)
    if "pids" in kernel.cgroup_mounts():
        t.skip("counted on v2 alone")
    counted(t, "create", "--bundle", t.bundle(bundle_a(t)), t.new_id(), limit=180)


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_start(t):
    """start: 30"""
    static(t)
    c = t.create(bundle_a(t))
    counted(t, "start", c.id, limit=30)


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_state(t):
    """state: 25"""
    static(t)
    counted(t, "state", t.sleeper(bundle_a(t)).id, limit=25)


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_kill(t):
    """kill: 20"""
    static(t)
    counted(t, "kill", t.sleeper(bundle_a(t)).id, "KILL", limit=20)


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_delete(t):
    """delete: 45"""
    static(t)
    if "pids" in kernel.cgroup_mounts():
        t.skip("counted on v2 alone")
    c = t.sleeper(bundle_a(t))
    c.kill()
    c.wait_stopped()
    counted(t, "delete", c.id, limit=45)


@needs("root", "native", "cmd:strace", "cmd:readelf", "v2")
def test_exec(t):
    """exec of /bin/true: 130, without the calls of /bin/true"""
    static(t)
    if "pids" in kernel.cgroup_mounts():
        t.skip("counted on v2 alone")
    c = t.sleeper(bundle_a(t))
    counted(t, "exec", c.id, "/bin/true", limit=130, payload=calls_of_true(t))
