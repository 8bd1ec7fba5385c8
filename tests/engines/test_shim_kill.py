"""SIGKILL of containerd and of its shim at any moment of a task's life: nothing stays behind."""
import contextlib
import glob
import os
import random
import signal
import subprocess
import time

import kernel
import leaks
from harness import SLOW, Failure, limit, needs, tag
from oci_archive import oci_archive
from shim import NEEDS, RUNTIME, shims, start

IMAGE = "docker.io/library/box:1"
LIFE = 0.45  # seconds from `ctr run` to the end of the task, about
IDLE = 30    # a shim that nobody needs ends by then


class Lives:
    """life cycles under a containerd that is started again when it was killed"""

    def __init__(self, t, seed):
        self.t, self.random, self.n = t, random.Random(seed), 0
        self.daemon = start(t)
        self.daemon.ctr.ok("image", "import", oci_archive(t, IMAGE, ["/bin/sleep", "100000"]))

    def ctr(self, *words):
        """one that may fail in any way, but not hang"""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.start_ctr(*words).wait(20 * SLOW)
        raise Failure(f"ctr {' '.join(words)} does not end")

    def start_ctr(self, *words):
        return self.t.spawn("ctr", "--address", self.daemon.address, "--connect-timeout", f"{SLOW:g}s",
                            "--namespace", self.t.mark, *words, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def steps(self, name):
        yield "run", *RUNTIME, "-d", IMAGE, name
        yield "task", "exec", "--exec-id", "e", name, "/bin/true"
        yield "task", "exec", "-d", "--exec-id", "f", name, "/bin/sleep", "1000"
        yield "task", "kill", "--signal", "KILL", name
        yield "task", "delete", name
        yield "container", "delete", name

    def kill(self, what):
        """SIGKILL; whether there was somebody to kill"""
        pids = []
        if what != "shim":
            pids.append(self.daemon.process.pid)
        if what != "containerd":
            pids += shims(self.t)
        if self.random.random() < 0.5:
            pids.reverse()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def live(self):
        """one life, with a death in it; then all is cleared as a user would"""
        self.n += 1
        name = f"c{self.n}"
        what = self.random.choice(("containerd", "shim", "both"))
        at = time.monotonic() + self.random.uniform(0, LIFE * SLOW)
        self.t.note(f"{name}: SIGKILL of {what}")
        killed = False
        for words in self.steps(name):
            process = self.start_ctr(*words)
            while process.poll() is None and (killed or time.monotonic() < at):
                time.sleep(0.002)
            if process.poll() is None:
                killed = self.kill(what)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20 * SLOW)
            if killed and what != "shim":
                break
        if self.daemon.process.poll() is not None:
            self.daemon = start(self.t)
        self.clear(name)

    def clear(self, name):
        self.ctr("task", "delete", "--force", name)
        self.ctr("container", "delete", name)

    def end(self):
        """all that may be left, after a last chance for the daemon to clear up"""
        self.daemon.stop()
        self.daemon = start(self.t)
        ctr = self.daemon.ctr
        for name in ctr.ok("task", "ls", "-q").split():
            self.clear(name)
        for name in ctr.ok("container", "ls", "-q").split():
            self.ctr("container", "delete", name)
        self.t.equal(ctr.ok("task", "ls", "-q"), "", "tasks")
        self.t.wait_until(lambda: not shims(self.t), IDLE, "the shims' end")
        self.daemon.stop()


def left(t, sockets):
    """what a shim could leave; a bundle that containerd has renamed (".ID") and was killed while it
    removed it stays for ever: that is containerd's"""
    found = leaks.processes(t) + leaks.cgroups(t)
    found += [m.point for m in kernel.mountinfo() if m.point.startswith(t.dir + "/")]
    for pattern in (f"/run/containerd/skiff/{t.mark}/*", f"{t.dir}/containerd.run/io.containerd.runtime.v2.task/*/*",
                    f"{t.dir}/containerd/io.containerd.runtime.v2.task/*/*"):
        found += glob.glob(pattern)
    return found + [s for s in set(glob.glob("/run/containerd/s/skiff-*")) - sockets
                    if f" {s}\n" not in kernel.read("/proc/net/unix")]


def sweep(t, seed, lives):
    sockets = set(glob.glob("/run/containerd/s/skiff-*"))
    with contextlib.ExitStack() as stack:
        run = Lives(t, seed)
        stack.callback(lambda: run.daemon.stop())
        for _ in range(lives):
            run.live()
        run.end()
    t.equal(leaks.settled(lambda t: left(t, sockets), t), [], "what is left")
    with contextlib.suppress(OSError):
        os.rmdir(f"/run/containerd/skiff/{t.mark}")


@needs(*NEEDS, "native")
@tag("engine", "shim")
@limit(120)
def test_sample(t):
    """some lives with a SIGKILL in each"""
    sweep(t, 1, 20)


@needs(*NEEDS, "native")
@tag("engine", "shim", "slow")
@limit(900)
def test_all(t):
    """two hundred"""
    sweep(t, 2, 200)
