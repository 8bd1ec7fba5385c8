"""containerd with its stock shim for runc, which is told to use the program under test: what
`ctr` does here is what Kubernetes and Docker do by way of the same shim."""
import contextlib
import os
import signal

import kernel
from containerd import Containerd
from engine import Follow
from harness import limit, needs, tag
from oci_archive import oci_archive
from peers import differs
from terminal import CommandTerminal

MEMORY = 48 << 20
IMAGE = "docker.io/library/box:1"
# It says again and again what it alone knows.
WITNESS = ("known=$(cat /proc/sys/kernel/random/uuid); "
           "while :; do echo $known >/tmp/new; mv /tmp/new /tmp/known; sleep 0.1; done")


@contextlib.contextmanager
def containerd(t):
    daemon = Containerd(t)
    try:
        yield daemon.ctr
        t.equal(os.listdir(t.path(f"runtime/{t.mark}")), [], "state of containers that is left")
    finally:
        daemon.clean_up()


def run(t, *options, name, args):
    """the words of a `ctr run` in the tests' root file system"""
    return ("run", "--runc-binary", t.binary, "--runc-root", t.path("runtime"), *options,
            "--rootfs", t.shared_rootfs, name, *args)


def pid_of(ctr, name):
    """the process 1 of a task"""
    rows = [line.split() for line in ctr.ok("task", "ls").splitlines()]
    return next(int(row[1]) for row in rows if row[0] == name)


def foreground(t, ctr):
    result = ctr.try_(*run(t, "--rm", name="plain",
                           args=["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]))
    t.equal((result.rc, result.out, result.err), (3, "out\n", "err\n"))
    result = ctr.try_(*run(t, "--rm", name="absent", args=["/no/such/program"]))
    t.equal(result.rc, 1)
    t.contains(result.err.lower(), "no such file or directory")


def on_a_terminal(t, ctr, *words):
    """a shell on a terminal: its size, and the command's status"""
    screen = CommandTerminal(t, *ctr.prefix, *words)
    # ctr sets the size when the task runs; until then stty prints none. What is printed right
    # before the end may not come through: the shell ends when it has been read.
    screen.type("until stty size | grep [1-9]; do sleep 0.1; done\n")
    screen.read_until("24 80", 30)
    screen.type("exit 4\n")
    t.equal(screen.wait(20), 4, f"status of ctr {' '.join(words)}")


def limits_of(t, pid):
    t.contains(kernel.read(f"/proc/{pid}/cgroup"), t.mark)
    t.equal(kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max"),
            str(MEMORY))
    quota = kernel.cgroup_value(pid, "cpu", "cpu.cfs_quota_us", "cpu.max")
    t.true(quota in ("50000", "50000 100000"), f"cpu quota is {quota}")


def exec_in(t, ctr, pid):
    result = ctr.try_("task", "exec", "--exec-id", "e1", "box", "/bin/sh", "-c",
                      "readlink /proc/self/ns/pid; exit 5")
    t.equal((result.rc, result.out.strip()), (5, kernel.namespace(pid, "pid")))
    on_a_terminal(t, ctr, "task", "exec", "-t", "--exec-id", "e2", "box", "/bin/sh")


def looked_at(t, ctr, pid):
    """ps and metrics, which the shim answers by `ps` and from the cgroup"""
    t.contains(ctr.ok("task", "ps", "box"), str(pid))
    metrics = ctr.ok("task", "metrics", "box")
    t.contains(metrics, str(MEMORY))
    t.contains(metrics, "pids.current")


def paused(t, ctr, pid):
    ctr.ok("task", "pause", "box")
    t.contains(ctr.ok("task", "ls"), "PAUSED")
    ctr.ok("task", "resume", "box")
    t.contains(ctr.ok("task", "ls"), "RUNNING")
    t.true(kernel.is_alive(pid), "the task is dead after a pause")


def out_of_memory(t, ctr, events):
    """what the kernel kills in a task is an event; the task goes on"""
    ctr.ok("task", "exec", "--exec-id", "e3", "box", "/bin/sh", "-c", "tail /dev/zero || true",
           timeout=30)
    t.wait_until(lambda: "/tasks/oom" in events.words(), 20, "the event of the kill")


def killed(t, ctr, events):
    ctr.ok("task", "kill", "--signal", "TERM", "box")
    ctr.wait_for("STOPPED", "task", "ls")
    result = ctr.try_("task", "delete", "box")
    t.contains(result.err, "exit code 43")
    ctr.ok("container", "delete", "box")
    t.equal(ctr.ok("task", "ls", "-q"), "")
    found = events.stop()
    for topic in ("create", "start", "exec-added", "exec-started", "paused", "resumed", "exit"):
        t.contains(found, f"/tasks/{topic} ")


def task(t, ctr, *options):
    """a detached task that is looked at from all sides, and ends by a signal"""
    events = Follow(ctr, "events")
    ctr.ok(*run(t, "-d", "--memory-limit", MEMORY, "--cpus", "0.5", *options, name="box",
                args=["/bin/sh", "-c", "trap 'exit 43' TERM; while :; do sleep 0.1; done"]))
    pid = pid_of(ctr, "box")
    limits_of(t, pid)
    exec_in(t, ctr, pid)
    looked_at(t, ctr, pid)
    paused(t, ctr, pid)
    out_of_memory(t, ctr, events)
    killed(t, ctr, events)


@needs("root", "memory", "cpu", "cmd:containerd", "cmd:ctr")
@tag("engine")
@limit(60)
def test_cgroupfs(t):
    """`ctr run` in the foreground and on a terminal, and a task's whole life; its cgroup is made
    by the runtime"""
    with containerd(t) as ctr:
        foreground(t, ctr)
        on_a_terminal(t, ctr, *run(t, "--rm", "-t", name="tty", args=["/bin/sh"]))
        task(t, ctr)


@needs("root", "cmd:containerd", "cmd:ctr")
@tag("engine")
@limit(60)
def test_death_of_the_shim(t):
    """When a task's shim is killed, containerd has the runtime delete what still runs.  Its log may
    claim that this ended with 255: there two collectors of children race, with each runtime."""
    with containerd(t) as ctr:
        ctr.ok(*run(t, "-d", name="box", args=["/bin/sleep", "100000"]))
        pid = pid_of(ctr, "box")
        cgroups = kernel.cgroup_dirs(pid).values()
        os.kill(int(kernel.status(pid)["PPid"]), signal.SIGKILL)
        t.wait_until(lambda: not kernel.is_alive(pid), 20, "the end of the task")
        t.wait_until(lambda: not any(os.path.exists(path) for path in cgroups), 20,
                     "the end of its cgroups")
        t.wait_until(lambda: not ctr.ok("task", "ls", "-q"), 20, "the end of its record")
        ctr.ok("container", "delete", "box")


@needs("root", "systemd", "vm", "cmd:containerd", "cmd:ctr")
@tag("engine")
@limit(60)
def test_systemd(t):
    """the same life in a scope of systemd"""
    with containerd(t) as ctr:
        unit = f"{t.mark}-box.scope"
        task(t, ctr, "--runc-systemd-cgroup", "--cgroup", f"system.slice:{t.mark}:box")
        t.wait_until(lambda: not os.path.exists(f"/sys/fs/cgroup/system.slice/{unit}"),
                     what="the scope's end")


def said(t, ctr):
    """what the task says from now on"""
    path = f"/proc/{pid_of(ctr, 'box')}/root/tmp/known"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    t.wait_until(lambda: os.path.exists(path), 20, "the task's word")
    return kernel.read(path)


def delete_box(ctr):
    ctr.ok("task", "delete", "--force", "box")
    ctr.ok("container", "delete", "box")


@needs("root", "cmd:containerd", "cmd:ctr", "cmd:criu")
@tag("engine", "criu")
@limit(60)
def test_checkpoint(t):
    """a task is dumped into an image, deleted, and goes on with what it knew"""
    with containerd(t) as ctr:
        ctr.ok("image", "import", "--snapshotter", "native",
               oci_archive(t, IMAGE, ["/bin/sh"]), timeout=60)
        ctr.ok("run", "-d", "--runc-binary", t.binary, "--runc-root", t.path("runtime"),
               "--snapshotter", "native", IMAGE, "box", "/bin/sh", "-c", WITNESS)
        word = said(t, ctr)
        save = ("container", "checkpoint", "--task", "--rw", "--image", "box", "saved")
        if differs(t, "no checkpoint"):
            t.equal(ctr.try_(*save, timeout=60).rc, 1)
            delete_box(ctr)
            return
        ctr.ok(*save, timeout=60)
        delete_box(ctr)
        ctr.ok("container", "restore", "--live", "--rw", "box", "saved", timeout=60)
        t.equal(said(t, ctr), word)
        delete_box(ctr)
