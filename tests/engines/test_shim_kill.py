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
from harness import SLOW, limit, needs, tag
from oci_archive import oci_archive
from shim import NEEDS, RUNTIME, address, shims, socket_of, start

IMAGE = "docker.io/library/box:1"
LIFE = 0.45  # seconds from `ctr run` to the end of the task, about
IDLE = 90    # a shim that nobody needs ends by then, and when containerd holds it as well


class Lives:
    """life cycles under a containerd that is started again when it was killed"""

    def __init__(self, t, seed):
        self.t, self.random, self.n = t, random.Random(seed), 0
        self.daemon = start(t)
        self.daemon.ctr.ok("image", "import", oci_archive(t, IMAGE, ["/bin/sleep", "100000"]))

    def ctr(self, *words):
        """one that may fail in any way, but not hang"""
        process = self.start_ctr(*words)
        self.t.wait_until(lambda: process.poll() is not None, 30, f"the end of ctr {' '.join(words)}")

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

    def kill(self, what, name):
        """SIGKILL, of shims those of this life: one whose `start` was killed has no bundle any more, from which
        its socket could be known, and ends by itself"""
        pids = []
        if what != "shim":
            pids.append(self.daemon.process.pid)
        if what != "containerd":
            for pid in shims(self.t):
                with contextlib.suppress(OSError):  # it has just gone
                    pids += [pid] if name in kernel.argv(pid) else []
        if self.random.random() < 0.5:
            pids.reverse()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def wait(self, process, until):
        """orphans of killed shims are ours, as they are init's elsewhere: a pid namespace waits for them"""
        while process.poll() is None and (until is None or time.monotonic() < until):
            self.t.reap()
            time.sleep(0.002)

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
            self.wait(process, None if killed else at)
            if process.poll() is None:
                killed = self.kill(what, name)
                self.wait(process, time.monotonic() + 20 * SLOW)
            if killed and what != "shim":
                break
        if self.daemon.process.poll() is not None:
            self.daemon = start(self.t)
        self.clear(name)

    def clear(self, name):
        with contextlib.suppress(FileNotFoundError):  # what is looked for in the end
            self.t.equal(address(self.t, name), socket_of(self.t, self.daemon, name))
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
        # It hears of that, and clears up after them.
        self.t.wait_until(lambda: not bundles(self.t), 10 * SLOW, "the bundles' end")
        self.daemon.stop()


def bundles(t):
    """containerd's two directories of each task"""
    return [path for top in ("containerd.run", "containerd")
            for path in glob.glob(f"{t.dir}/{top}/io.containerd.runtime.v2.task/*/*")]


def left(t, sockets):
    """what a shim could leave; a bundle that containerd has renamed (".ID") and was killed while it
    removed it stays for ever: that is containerd's"""
    for point in set(kernel.cgroup_mounts().values()):
        with contextlib.suppress(OSError):  # the namespace's, which all its containers share
            os.rmdir(f"{point}/{t.mark}")
    found = leaks.processes(t) + leaks.cgroups(t)
    found += [m.point for m in kernel.mountinfo() if m.point.startswith(t.dir + "/")]
    found += glob.glob(f"/run/containerd/skiff/{t.mark}/*") + bundles(t)
    return found + [path for path in sockets if os.path.exists(path)]


def sweep(t, seed, lives):
    with contextlib.ExitStack() as stack:
        run = Lives(t, seed)
        stack.callback(lambda: run.daemon.stop())
        for _ in range(lives):
            run.live()
        run.end()
        sockets = [socket_of(t, run.daemon, f"c{i + 1}") for i in range(lives)]
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
