"""SIGKILL at the k-th system call of the program under test, of its init, or of both: what is
left can always be deleted, at once and wholly, and the id is free again."""
import os
import random
import re
import signal

import kernel
import leaks
from attack import all_or_failure
from harness import SLOW, limit, needs, tag
from inject import exists, strace

needed = needs("root", "native", "cmd:strace")


def calls_of(trace):
    """how many system calls the first process made"""
    lines = [line.split(None, 1) for line in trace if re.match(r"\d+ ", line)]
    if not lines:
        return len(trace)
    return sum(1 for pid, rest in lines if pid == lines[0][0] and not rest.startswith("<..."))


class Kills:
    """kills of one command: argv has {} where a new id stands"""

    def __init__(self, t, *argv, follow):
        self.t, self.argv, self.follow, self.problems = t, argv, follow, []
        self.path = t.bundle(t.config("/bin/sh", "-c", "exec sleep 0.05"))
        ident = t.new_id()
        control, _ = strace(t, None, self.words(ident), follow=argv[0] == "run")
        t.equal(control.rc, 0, f"exit status of the control ({control.err})")
        self.calls = calls_of(control.trace)
        self.remove(ident)

    def words(self, ident):
        return [word.format(id=ident, bundle=self.path) for word in self.argv]

    def remove(self, ident):
        result = self.t.skiff("delete", "--force", ident, timeout=5)
        if result.rc or result.seconds > 2 * SLOW:
            return f"delete --force: {result.rc} after {result.seconds:.1f} s: {result.err}"
        return f"the state of {ident} is left" if exists(self.t, ident) else None

    def kill(self, k):
        t, ident = self.t, self.t.new_id()
        run, process = strace(t, f"all:signal=SIGKILL:when={k}", self.words(ident),
                              follow=self.follow, seconds=2)
        for words in (("state", ident), ("list",)):
            if t.skiff(*words, timeout=5).rc < 0:
                self.problems.append(f"{k}: {words[0]} died of a signal")
        trouble = self.remove(ident)
        if run.hung:
            try:
                process.wait(2 * SLOW)
            except Exception:
                trouble = trouble or "init outlived delete --force"
                process.kill()
                process.wait()
        left = [item for find in (leaks.processes, leaks.cgroups, leaks.states)
                for item in leaks.settled(find, t)]
        again = t.skiff("run", "--bundle", self.path, ident)
        if again.rc:
            trouble = trouble or f"the id cannot be used again: {again.err.strip()}"
        self.problems += [f"{k}: {what}" for what in (trouble, left) if what]
        if left:
            leaks.sweep(t)
        t.ids.remove(ident)
        t.log.clear()

    def sweep(self, count, seed=1):
        points = range(2, self.calls + 1)
        if count and count < len(points):
            points = sorted(random.Random(seed).sample(points, count))
        for k in points:
            self.kill(k)
        all_or_failure(self.problems)


RUN = ("run", "--bundle", "{bundle}", "{id}")
CREATE = ("create", "--bundle", "{bundle}", "{id}")


@needed
def test_kills_of_run(t):
    """run is killed, its init goes on"""
    Kills(t, *RUN, follow=False).sweep(25)


@needed
def test_kills_of_run_and_init(t):
    """run and init are killed, each at its k-th call"""
    Kills(t, *RUN, follow=True).sweep(25)


@needed
def test_kills_of_create(t):
    """create is killed, its init goes on"""
    Kills(t, *CREATE, follow=False).sweep(25)


@tag("slow")
@limit(1800)
@needed
def test_all_kills(t):
    """every call of run and create"""
    for argv, follow in ((RUN, False), (RUN, True), (CREATE, False)):
        Kills(t, *argv, follow=follow).sweep(None)


def kills_on_container(t, *argv, count):
    """kills of a command that works on a running container, which goes on"""
    c = t.sleeper()
    words = [word.format(id=c.id) for word in argv]
    control, _ = strace(t, None, words, follow=False)
    t.equal(control.rc, 0, f"exit status of the control ({control.err})")
    points = range(2, calls_of(control.trace) + 1)
    problems = []
    for k in sorted(random.Random(1).sample(points, min(count, len(points)))):
        for follow in (False, True):
            run, process = strace(t, f"all:signal=SIGKILL:when={k}", words, follow=follow,
                                  seconds=3)
            if run.hung:
                problems.append(f"{k}: what exec brought in hangs")
                process.kill()
                process.wait()
            if c.exec("true").rc or not kernel.is_alive(c.pid):
                problems.append(f"{k}: the container is broken")
                break
            t.log.clear()
    result = t.skiff("delete", "--force", c.id)
    t.equal(result.rc, 0, f"delete --force ({result.err})")
    all_or_failure(problems)


@needed
def test_kills_of_exec(t):
    """exec is killed: the container goes on, and takes further execs"""
    kills_on_container(t, "exec", "{id}", "true", count=20)


@needed
def test_kills_of_delete(t):
    """delete --force is killed: the next one finishes its work"""
    problems = []
    c = t.sleeper()
    control, _ = strace(t, None, ["delete", "--force", c.id], follow=False)
    t.equal(control.rc, 0, "exit status of the control")
    points = range(2, calls_of(control.trace) + 1)
    for k in sorted(random.Random(1).sample(points, min(20, len(points)))):
        c = t.sleeper()
        run, _ = strace(t, f"all:signal=SIGKILL:when={k}", ["delete", "--force", c.id],
                        follow=False)
        again = t.skiff("delete", "--force", c.id, timeout=5)
        left = [item for find in (leaks.processes, leaks.cgroups, leaks.states)
                for item in leaks.settled(find, t)]
        if run.hung or again.rc or left:
            problems.append(f"{k}: hung {run.hung}, delete {again.rc} {again.err!r}, left {left}")
            leaks.sweep(t)
        t.log.clear()
    all_or_failure(problems)


@needed
def test_kill_while_init_is_held_up(t):
    """create is killed while its init is stopped: delete --force ends init, too"""
    c = t.create()
    os.kill(c.pid, signal.SIGSTOP)
    t.equal(t.skiff("delete", "--force", c.id, timeout=5).rc, 0, "exit status")
    t.wait_until(lambda: not kernel.is_alive(c.pid), 2, "the end of the stopped init")
