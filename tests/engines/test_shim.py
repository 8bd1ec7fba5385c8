"""containerd-shim-skiff-v2 under a real containerd, and asked directly."""
import json
import os
import signal
import time

import kernel
import protobuf
import ttrpc
from engine import Follow
from harness import SLOW, limit, needs, tag
from shim import NEEDS, address, containerd, pid_of, remove, run, shims, sleeper, start
from terminal import CommandTerminal

MEMORY = 48 << 20


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_foreground(t):
    """output, input, exit status and terminal of `ctr run`"""
    with containerd(t) as ctr:
        result = ctr.try_(*run(t, "--rm", name="plain",
                               args=["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]))
        t.equal((result.rc, result.out, result.err), (3, "out\n", "err\n"))
        result = ctr.try_(*run(t, "--rm", name="absent", args=["/no/such/program"]))
        t.contains(result.err.lower(), "no such file or directory")
        result = ctr.try_(*run(t, "--rm", name="much", args=[
            "/bin/sh", "-c", "yes 0123456789 | head -c 3000000"]))
        t.equal(len(result.out), 3000000)
        screen = CommandTerminal(t, *ctr.prefix,
                                 *run(t, "--rm", "-t", name="tty", args=["/bin/sh"]))
        screen.type("until stty size | grep [1-9]; do sleep 0.1; done; exit 4\n")
        t.contains(screen.read_until(None, 30), "24 80")
        t.equal(screen.wait(20), 4, "status of ctr run -t")
        # ctr loses the end of an input that ends before the task is there
        reading, writing = os.pipe()
        cat = t.spawn(*ctr.prefix, *run(t, "--rm", name="cat", args=["/bin/cat"]), stdin=reading,
                      stdout=open(t.path("cat.out"), "wb"))
        os.close(reading)
        ctr.wait_for("RUNNING", "task", "ls")
        os.write(writing, b"through\n")
        time.sleep(0.2 * min(SLOW, 10))
        os.close(writing)
        t.equal(cat.wait(20 * SLOW), 0)
        t.equal(kernel.read(t.path("cat.out")), "through\n")


def exec_in(t, ctr, pid):
    result = ctr.try_("task", "exec", "--exec-id", "e1", "box", "/bin/sh", "-c",
                      "readlink /proc/self/ns/pid; exit 5")
    t.equal((result.rc, result.out.strip()), (5, kernel.namespace(pid, "pid")))
    screen = CommandTerminal(t, *ctr.prefix, "task", "exec", "-t", "--exec-id", "e2", "box",
                             "/bin/sh", "-c", "until stty size | grep [1-9]; do sleep 0.1; done; exit 6")
    t.contains(screen.read_until(None, 30), "24 80")
    t.equal(screen.wait(20), 6, "status of ctr task exec -t")
    result = ctr.try_("task", "exec", "--exec-id", "e4", "box", "/no/such")
    t.contains(result.err, "no such file or directory")


def in_order(t, words, *topics):
    at = -1
    for topic in topics:
        found = words.find(f"/tasks/{topic} ", at + 1)
        t.true(found > at, f"event {topic} after {words[:max(at, 0)][-300:]!r}")
        at = found


@needs(*NEEDS, "memory", "pids")
@tag("engine", "shim")
@limit(60)
def test_life(t):
    """a task is limited, looked at, frozen, hit by its limit, and killed; its events come in order"""
    with containerd(t) as ctr:
        events = Follow(ctr, "events")
        ctr.ok(*run(t, "-d", "--memory-limit", MEMORY, name="box", args=[
            "/bin/sh", "-c", "trap 'exit 43' TERM; while :; do sleep 0.1; done"]))
        pid = pid_of(ctr, "box")
        t.equal(kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max"),
                str(MEMORY))
        exec_in(t, ctr, pid)
        t.contains(ctr.ok("task", "ps", "box"), str(pid))
        metrics = ctr.ok("task", "metrics", "box")
        t.contains(metrics, str(MEMORY))
        t.contains(metrics, "pids.current")
        ctr.ok("task", "pause", "box")
        t.contains(ctr.ok("task", "ls"), "PAUSED")
        t.true(ctr.try_("task", "exec", "--exec-id", "e5", "box", "/bin/true").rc, "exec in a pause")
        ctr.ok("task", "resume", "box")
        ctr.try_("task", "exec", "--exec-id", "e3", "box", "/bin/sh", "-c", "tail /dev/zero")
        t.wait_until(lambda: "/tasks/oom" in events.words(), 20, "the event of the kill")
        ctr.ok("task", "kill", "--signal", "TERM", "box")
        ctr.wait_for("STOPPED", "task", "ls")
        t.contains(ctr.try_("task", "delete", "box").err, "exit code 43")
        ctr.ok("container", "delete", "box")
        in_order(t, events.stop(), "create", "start", "exec-added", "exec-started", "exit", "paused",
                 "resumed", "oom", "exit", "delete")


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_containerd_comes_back(t):
    """tasks outlive containerd: they can be used afterwards, and an exit meanwhile is not lost"""
    with containerd(t) as ctr:
        pid = sleeper(t, ctr, "stays")
        ends = sleeper(t, ctr, "ends")
        daemon = next(d for d in kernel.descendants(os.getpid()) if kernel.argv(d)[0] == "containerd")
        os.kill(daemon, signal.SIGKILL)
        t.wait_until(lambda: not kernel.is_alive(daemon), what="containerd's end")
        os.kill(ends, signal.SIGKILL)
        again = start(t)
        t.contains(again.ctr.ok("task", "exec", "--exec-id", "e", "stays", "/bin/echo", "back"), "back")
        t.equal(pid_of(again.ctr, "stays"), pid)
        again.ctr.wait_for("STOPPED", "task", "ls")
        t.contains(again.ctr.try_("task", "delete", "ends").err, "exit code 137")
        again.ctr.ok("container", "delete", "ends")
        remove(again.ctr, "stays")
        t.wait_until(lambda: not shims(t), 10, "the shims' end")
        again.stop()


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_shim_is_killed(t):
    """`delete` ends the container and takes everything away"""
    with containerd(t) as ctr:
        events = Follow(ctr, "events")
        pid = sleeper(t, ctr, "box")
        os.kill(shims(t)[0], signal.SIGKILL)
        t.wait_until(lambda: not kernel.is_alive(pid), 10, "the container's end")
        t.wait_until(lambda: '"exit_status":137' in events.words(), 10, "the event of the exit")
        t.wait_until(lambda: ctr.ok("task", "ls", "-q") == "", 10, "the task's end")
        ctr.ok("container", "delete", "box")
        events.stop()


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_attach(t):
    """a client that comes later gets what is said from then on, and the exit status"""
    with containerd(t) as ctr:
        ctr.ok(*run(t, "-d", name="box", args=[
            "/bin/sh", "-c", "trap 'exit 44' TERM; while :; do echo word; sleep 0.1; done"]))
        attached = Follow(ctr, "task", "attach", "box")
        t.wait_until(lambda: attached.words().count("word") > 2, 10, "words of the task")
        ctr.ok("task", "kill", "--signal", "TERM", "box")
        t.equal(attached.process.wait(10 * SLOW), 44, "status of ctr task attach")
        ctr.try_("task", "delete", "box")
        ctr.ok("container", "delete", "box")


LOGGER = """#!/bin/sh
exec 5>&-
echo "$CONTAINER_ID $CONTAINER_NAMESPACE $1=$2" > {to}.words
cat <&3 > {to}
"""


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_where_output_goes(t):
    """files and programs take output past the shim; nothing at all is possible too"""
    with containerd(t) as ctr:
        log = t.path("logs/a.log")
        ctr.ok(*run(t, "--rm", "--log-uri", f"file://{log}", name="file",
                    args=["/bin/sh", "-c", "echo out; echo err >&2"]))
        t.equal(kernel.read(log), "out\nerr\n")
        logger, to = t.path("logger"), t.path("logged")
        with open(logger, "w") as f:
            f.write(LOGGER.format(to=to))
        os.chmod(logger, 0o755)
        ctr.ok(*run(t, "--rm", "--log-uri", f"binary://{logger}?key=a%20b", name="binary",
                    args=["/bin/sh", "-c", "echo to the logger"]))
        t.wait_until(lambda: os.path.exists(to) and kernel.read(to), what="the logger's file")
        t.equal(kernel.read(to), "to the logger\n")
        t.equal(kernel.read(f"{to}.words"), f"binary {t.mark} key=a b\n")
        ctr.ok(*run(t, "--rm", "--null-io", name="null", args=["/bin/echo", "unheard"]))


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_waits(t):
    """whoever waits for a process is answered, also when it cannot be started or goes with its
    container; descriptors and memory do not grow with the number of execs"""
    with containerd(t) as ctr:
        sleeper(t, ctr, "box")
        path, shim = address(t, "box"), shims(t)[0]
        client, waiting = ttrpc.Client(path), ttrpc.Client(path)
        spec = lambda *args: protobuf.text(7, protobuf.text(1, "x") + protobuf.text(2, json.dumps(
            {"args": args, "cwd": "/", "user": {"uid": 0, "gid": 0}})))
        who = lambda name: protobuf.text(1, "box") + protobuf.text(2, name)
        wait = lambda name: waiting.frame(protobuf.text(1, "containerd.task.v2.Task")
                                          + protobuf.text(2, "Wait") + protobuf.text(3, who(name)))
        t.equal(client.call("Exec", who("bad") + spec("/no/such"))[0], 0)
        wait("bad")
        t.contains(client.call("Start", who("bad"))[1], "no such file or directory")
        t.equal(protobuf.fields(waiting.answer()[3])[1], [255])
        t.equal(client.call("Delete", who("bad"))[0], 0)
        descriptors = None
        for i in range(60):
            t.equal(client.call("Exec", who(f"e{i}") + spec("/bin/true"))[0], 0)
            t.equal(client.call("Start", who(f"e{i}"))[:2], (0, ""))
            t.equal(client.call("Wait", who(f"e{i}"))[0], 0)
            t.equal(client.call("Delete", who(f"e{i}"))[0], 0)
            if i == 20:
                descriptors = len(os.listdir(f"/proc/{shim}/fd"))
        t.wait_until(lambda: len(os.listdir(f"/proc/{shim}/fd")) <= descriptors, 2,
                     f"no more than {descriptors} descriptors")
        t.equal(client.call("Exec", who("never") + spec("/bin/true"))[0], 0)
        wait("never")
        remove(ctr, "box")
        t.equal(protobuf.fields(waiting.answer()[3])[1], [255])


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_pod(t):
    """the containers of a group have one shim; ten of them cost it little memory"""
    names = [f"c{i}" for i in range(10)]
    with containerd(t) as ctr:
        for name in names:
            sleeper(t, ctr, name, "--annotation", f"io.containerd.runc.v2.group={t.mark}")
        pids = shims(t)
        t.equal(len(pids), 1, "shims")
        for name in ("k0", "k1"):
            sleeper(t, ctr, name, "--annotation", f"io.kubernetes.cri.sandbox-id={t.mark}-pod")
        t.equal(len(shims(t)), 2, "shims with those of another pod")
        rollup = kernel.read(f"/proc/{pids[0]}/smaps_rollup")
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        t.true(pss < 2048, f"a shim of ten containers has {pss} KB")
        t.equal({address(t, name) for name in names}, {address(t, "c0")})
        remove(ctr, *names, "k0", "k1")


@needs(*NEEDS)
@tag("engine", "shim")
@limit(60)
def test_wrong_requests(t):
    """what is wrong with a connection ends that alone; wrong requests are answered with their code"""
    with containerd(t) as ctr:
        pid = sleeper(t, ctr, "box")
        path = address(t, "box")
        t.equal(os.stat(path).st_mode & 0o777, 0o600)
        client = ttrpc.Client(path)
        who = protobuf.text(1, "box")
        t.equal(protobuf.fields(client.call("Connect", who)[2])[2], [pid])
        t.equal(protobuf.fields(client.call("Connect", who, "containerd.task.v3.Task")[2])[2], [pid])
        for method, payload, service, code, words in (
                ("Create", b"", "containerd.task.v9.Task", 12, "service containerd.task.v9.Task"),
                ("Dance", b"", "containerd.task.v2.Task", 12, "method Dance"),
                ("State", protobuf.text(1, "none"), "containerd.task.v2.Task", 5, "not found"),
                ("Start", who, "containerd.task.v2.Task", 9, "started already"),
                ("Delete", who, "containerd.task.v2.Task", 9, "cannot delete a running process"),
                ("Exec", who, "containerd.task.v2.Task", 3, "an exec needs"),
                ("Update", who, "containerd.task.v2.Task", 3, "without resources"),
                ("Kill", who + protobuf.text(2, "e9") + protobuf.number(3, 9),
                 "containerd.task.v2.Task", 5, "does not exist"),
        ):
            t.note(f"{service}/{method}")
            found = client.call(method, payload, service)
            t.equal(found[0], code)
            t.contains(found[1], words)
        t.note("a frame that is too large")
        stream = client.frame(bytes((4 << 20) + 1))
        t.equal(client.answer()[:2], (stream, 8))
        t.note("a stream's number again")
        client.frame(protobuf.text(1, "x"), stream=1)
        t.equal(client.answer()[:2], (1, 3))
        t.note("data")
        client.frame(b"x", ttrpc.DATA, 77)
        t.equal(client.answer()[:2], (77, 3))
        for name, payload in (("no protobuf", b"\xff" * 20),
                              ("no protobuf inside", protobuf.text(1, "containerd.task.v2.Task")
                               + protobuf.text(2, "State") + protobuf.text(3, b"\xff\xff"))):
            t.note(name)
            other = ttrpc.Client(path)
            other.frame(payload)
            t.true(other.is_closed(), "the connection is still open")
        t.equal(protobuf.fields(client.call("Connect", who)[2])[2], [pid])
        remove(ctr, "box")
