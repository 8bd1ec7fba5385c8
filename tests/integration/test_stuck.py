"""Containers that cannot end: how long skiff waits, and what it says about the cause."""
import ctypes
import os
import re
import signal
import struct
import subprocess
import threading
import time

import inside
import kernel
import views
from harness import SLOW, limit, needs

BOUND = 10  # seconds that skiff waits for what it has killed
NEGLIGENT = """
import ctypes, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
subprocess.run(sys.argv[1:], check=True, stdin=subprocess.DEVNULL)
print("ready", flush=True)
time.sleep(100000)
"""


class Fuse:
    """a FUSE file system whose root can be seen and whose files never answer: who asks for one
    sleeps in the kernel, and no signal ends that once the request is taken"""
    LOOKUP, GETATTR, INIT = 1, 3, 26

    def __init__(self, t, point):
        self.t, self.point, self.stuck = t, point, threading.Event()
        os.mkdir(point)
        try:
            self.fd = os.open("/dev/fuse", os.O_RDWR)
            views.mount("stuck", point, "fuse", 0,
                        f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other")
        except OSError as error:
            t.skip(f"no FUSE here: {error}")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError:
                return
            _, opcode, unique = struct.unpack_from("IIQ", request)
            if opcode == self.LOOKUP:
                self.stuck.set()
                continue
            if opcode == self.INIT:
                answer = struct.pack("IIIIHHIIHHI28x", 7, 31, 65536, 0, 16, 12, 65536, 1, 0, 0, 0)
            elif opcode == self.GETATTR:
                answer = struct.pack("QII", 1, 0, 0) + struct.pack(
                    "QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)
            else:
                answer = None
            try:
                os.write(self.fd, struct.pack("IiQ", 16 + len(answer or b""),
                                              0 if answer is not None else -38, unique)
                         + (answer or b""))
            except OSError:
                pass

    def end(self):
        """let all who wait go"""
        path = f"/sys/fs/fuse/connections/{os.minor(os.stat(self.point).st_dev)}/abort"
        if os.path.exists(path):
            with open(path, "w", encoding="utf-8") as f:
                f.write("1")
        else:
            ctypes.CDLL(None).umount2(self.point.encode(), 3)
        ctypes.CDLL(None).umount2(self.point.encode(), 2)


def stuck_container(t):
    """a container with a process in state D, the FUSE that holds it, and that process"""
    fuse = Fuse(t, t.path("fuse"))
    config = t.config("/bin/sh", "-c", "cat /mnt/stuck/file & exec sleep 100000")
    inside.add_bind(config, fuse.point, "/mnt", "bind")
    c = t.background(config)
    t.wait_until(fuse.stuck.is_set, what="the request")
    child, = kernel.descendants(c.pid)
    return c, fuse, child


@needs("root")
@limit(90)
def test_unkillable(t):
    """delete --force of a container with a process that cannot be killed ends in time and names
    the process, its state and where it waits; later it succeeds"""
    c, fuse, child = stuck_container(t)
    try:
        os.kill(child, signal.SIGKILL)
        t.wait_until(lambda: kernel.status(child)["State"].startswith("D"), what="state D")
        result = t.skiff("delete", "--force", c.id, timeout=2 * BOUND)
        t.fails(result, f"process {child} (cat)", "state D", "request_wait_answer", rc=1)
        t.true(BOUND - 1 < result.seconds < BOUND + 4 * SLOW, f"it took {result.seconds} s")
        t.equal(t.ok("list", "-q").out.split(), [c.id], "list")
    finally:
        fuse.end()
    t.wait_until(lambda: not kernel.is_alive(c.pid), what="its end")
    c.delete("--force")


@needs("root")
@limit(90)
def test_unfreezable(t):
    """pause of a container with a process that does not stop ends in time, names it, and leaves
    the container running"""
    c, fuse, child = stuck_container(t)
    try:
        result = t.skiff("pause", c.id, timeout=2 * BOUND)
        t.fails(result, f"process {child} (cat)", "request_wait_answer", rc=1)
        t.true(BOUND - 1 < result.seconds < BOUND + 4 * SLOW, f"it took {result.seconds} s")
        t.equal(c.state()["status"], "running")
        t.equal(t.ok("list", "-q").out.split(), [c.id], "list")
    finally:
        fuse.end()
    t.ok("pause", c.id)
    t.equal(c.state()["status"], "paused")


@needs("root")
@limit(90)
def test_uncollected(t):
    """init cannot end while what exec brought in is not collected by its parent: delete --force
    names both, and succeeds once that parent is gone"""
    c = t.sleeper()
    path = t.path("exec.pid")
    parent = t.spawn("/usr/bin/python3", "-c", NEGLIGENT, t.binary, "--root", t.root, "exec",
                     "--detach", "--pid-file", path, c.id, "/bin/sleep", "100000",
                     stdout=subprocess.PIPE)
    t.equal(parent.stdout.readline(), b"ready\n")
    pid = int(kernel.read(path))
    result = t.skiff("delete", "--force", c.id, timeout=2 * BOUND)
    t.fails(result, f"process {pid} (sleep), which has ended",
            f"process {parent.pid} (python3)", c.id, rc=1)
    t.true(result.seconds < BOUND + 4 * SLOW, f"it took {result.seconds} s")
    parent.kill()
    parent.wait()
    t.wait_until(lambda: not kernel.is_alive(c.pid), what="init's end")
    c.delete("--force")


def nested(t, pid):
    """who is in the pid namespace of pid besides it, as far as below this process"""
    where = kernel.namespace(pid, "pid")
    found = []
    for other in kernel.descendants(os.getpid()):
        try:
            if other != pid and kernel.namespace(other, "pid") == where:
                found.append(other)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


@needs("root", "native", "cmd:strace")
def test_end_during_entry(t):
    """the pid namespace ends between init's entry and its word of it: exec collects the process
    that nobody has named, and init is not held up by it"""
    c = t.sleeper()
    exec_ = t.spawn("strace", "-f", "-qq", "-o", t.path("trace"), "-e", "trace=sendto", "-e",
                    "inject=sendto:delay_enter=1500000", t.binary, "--root", t.root, "exec",
                    c.id, "/bin/true", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    entered, = t.wait_until(lambda: nested(t, c.pid), 10, "the entry")
    os.kill(c.pid, signal.SIGKILL)
    # Nothing may be reaped from here on: that is what is looked at.
    end = time.monotonic() + 10
    while exec_.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    t.true(exec_.poll() not in (None, 0), f"exec ended with {exec_.poll()}")
    children = [int(pid) for pid in kernel.read(f"/proc/self/task/{os.getpid()}/children").split()]
    t.equal([pid for pid in children if pid not in (c.pid, exec_.pid)], [], "left behind")
    t.true(not os.path.exists(f"/proc/{entered}"), "the process that entered is a zombie")
    while kernel.is_alive(c.pid) and time.monotonic() < end:
        time.sleep(0.02)
    t.true(not kernel.is_alive(c.pid), "init has not ended")
    message = exec_.stderr.read().decode()
    t.contains(message, "container not running", "stderr")


@needs("root", "v1", "freezer")
@limit(60)
def test_frozen_above(t):
    """version 1: a container that is frozen from above cannot be killed, and delete says why"""
    config = t.config()
    config["linux"]["cgroupsPath"] = f"/{t.mark}-parent/{t.mark}-own"
    c = t.sleeper(config)
    above = os.path.dirname(kernel.cgroup_dirs(c.pid)["freezer"])
    try:
        with open(f"{above}/freezer.state", "w", encoding="utf-8") as f:
            f.write("FROZEN")
        result = t.skiff("delete", "--force", c.id, timeout=2 * BOUND)
        t.fails(result, f"process {c.pid} (sleep)", "above", "frozen", rc=1)
    finally:
        with open(f"{above}/freezer.state", "w", encoding="utf-8") as f:
            f.write("THAWED")
    c.delete("--force")
    for point in set(kernel.cgroup_mounts().values()):
        if os.path.isdir(f"{point}/{t.mark}-parent"):
            os.rmdir(f"{point}/{t.mark}-parent")


@needs("root", "native", "v2", "cmd:strace")
def test_false_successor(t):
    """a process that init names as what it became, and that is none of skiff's children, is
    neither followed nor killed"""
    c = t.sleeper()
    victim = t.spawn("sleep", "100000")
    t.command("strace", "-f", "-qq", "-xx", "-o", t.path("trace"), "-e", "trace=sendto", t.binary,
              "--root", t.root, "exec", c.id, "/bin/true")
    what = re.search(r'sendto\(\d+, "\\x(..)', kernel.read(t.path("trace"))).group(1)
    report = what + struct.pack("=BHi", 0, 0, victim.pid).hex()
    done = t.command("strace", "-f", "-qq", "-o", t.path("trace"), "-e", "trace=sendto", "-e",
                     f"inject=sendto:poke_enter=@arg2={report}:when=1", t.binary, "--root",
                     t.root, "exec", c.id, "/bin/true")
    if "invalid" in done.err:
        t.skip("this strace cannot change arguments")
    t.true(done.rc > 0, f"status {done.rc}")
    t.contains(done.err, f"init named process {victim.pid}", "stderr")
    t.equal(victim.poll(), None, "the end of the process that was named")
    t.equal(c.exec("/bin/true").rc, 0, "exec afterwards")
