"""SIGKILL at the k-th system call of the program under test, of its init, or of both: what is
left can always be deleted, at once and wholly, and the id is free again."""
import collections
import json
import os
import random
import re
import signal

import kernel
import leaks
from attack import all_or_failure
from harness import SLOW, limit, needs, tag
from inject import exists, strace
from test_device_rules import FREE
from test_update_devices import rules, seen, sleeper

needed = needs("root", "native", "cmd:strace")


def kill_points(trace):
    """["name:signal=SIGKILL:when=k", ..]: every system call that some process made, in the order of
    the trace; strace counts the calls of each name and process by themselves"""
    counts, found = collections.Counter(), []
    for line in trace:
        match = re.match(r"(?:(\d+) +)?(\w+)\(", line)
        if not match or match[2].startswith("exec"):
            continue
        counts[match.groups()] += 1
        found.append(f"{match[2]}:signal=SIGKILL:when={counts[match.groups()]}")
    return list(dict.fromkeys(found))


def chosen(points, count, seed=1):
    """some of them, in their order"""
    if count is None or count >= len(points):
        return points
    return [points[i] for i in sorted(random.Random(seed).sample(range(len(points)), count))]


def was_killed(run):
    return run.rc == -signal.SIGKILL or any("killed by SIGKILL" in line for line in run.trace)


class Kills:
    """kills of one command: argv has {} where a new id stands"""

    def __init__(self, t, *argv, follow):
        self.t, self.argv, self.follow, self.problems = t, argv, follow, []
        self.path = t.bundle(t.config("/bin/sh", "-c", "exec sleep 0.05"))
        ident = t.new_id()
        control, _ = strace(t, None, self.words(ident), follow=follow)
        t.equal(control.rc, 0, f"exit status of the control ({control.err})")
        self.points, self.kills = kill_points(control.trace), 0
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
        run, process = strace(t, k, self.words(ident), follow=self.follow, seconds=2)
        self.kills += was_killed(run)
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

    def sweep(self, count):
        points = chosen(self.points, count)
        for k in points:
            self.kill(k)
        all_or_failure(self.problems)
        self.t.true(self.kills > 0.9 * len(points), f"only {self.kills} of {len(points)} kills")


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
    problems, kills = [], 0
    for k in chosen(kill_points(control.trace), count):
        for follow in (False, True):
            run, process = strace(t, k, words, follow=follow, seconds=3)
            kills += was_killed(run)
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
    t.true(kills >= count, f"only {kills} kills")


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
    for k in chosen(kill_points(control.trace), 20):
        c = t.sleeper()
        run, _ = strace(t, k, ["delete", "--force", c.id], follow=False)
        again = t.skiff("delete", "--force", c.id, timeout=5)
        left = [item for find in (leaks.processes, leaks.cgroups, leaks.states)
                for item in leaks.settled(find, t)]
        if run.hung or again.rc or left:
            problems.append(f"{k}: hung {run.hung}, delete {again.rc} {again.err!r}, left {left}")
            leaks.sweep(t)
        t.log.clear()
    all_or_failure(problems)


def update_words(t, c, *words):
    with open(t.path("rules.json"), "w", encoding="utf-8") as f:
        json.dump({"devices": rules(*words)}, f)
    return ["update", "--resources", t.path("rules.json"), c.id]


@needed
def test_kills_of_device_update(t):
    """an update of device rules is killed: what is denied then stays denied by the next update, and
    what is allowed stays allowed"""
    c = sleeper(t, f"+ c {FREE}:0 rw")
    control, _ = strace(t, None, update_words(t, c, f"- c {FREE}:0 w", f"+ c {FREE}:1 r"),
                        follow=False)
    t.equal(control.rc, 0, f"exit status of the control ({control.err})")
    found = set()
    for k in kill_points(control.trace)[-16:]:
        t.ok(*update_words(t, c, "- a", f"+ c {FREE}:0 rw"))
        t.equal(seen(c), ["rw", "", "", ""])
        words = update_words(t, c, f"- c {FREE}:0 w", f"+ c {FREE}:1 r")
        strace(t, k, words, follow=False)
        after = seen(c)
        t.ok(*update_words(t, c, f"+ c {FREE}:3 r"))
        t.equal(seen(c), after[:3] + ["r"], f"killed at {k}")
        t.log.clear()
        found.add(tuple(after))
    t.true(found >= {("rw", "", "", ""), ("r", "r", "", "")}, f"states after the kill: {found}")


@needed
def test_kill_while_init_is_held_up(t):
    """create is killed while its init is stopped: delete --force ends init, too"""
    c = t.create()
    os.kill(c.pid, signal.SIGSTOP)
    t.equal(t.skiff("delete", "--force", c.id, timeout=5).rc, 0, "exit status")
    t.wait_until(lambda: not kernel.is_alive(c.pid), 2, "the end of the stopped init")
