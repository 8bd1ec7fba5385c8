"""Many at once: ids are won by exactly one, cycles do not disturb each other."""
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

import leaks
from attack import all_or_failure
from harness import SLOW, limit, needs, tag

POOL = 16


def call(t, *args):
    """one command, safe to be made by several threads: (status, stderr)"""
    try:
        done = subprocess.run([t.binary, "--root", t.root, *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=30 * SLOW, check=False)
    except subprocess.TimeoutExpired:
        return None, "no end"
    return done.returncode, done.stderr.decode("utf-8", "replace")


def call_created(t, path, ident):
    """create keeps stderr open in its init: it goes to a file"""
    name = f"{t.dir}/stderr-{ident}-{random.random()}"
    with open(name, "w+b") as err:
        done = subprocess.run([t.binary, "--root", t.root, "create", "--bundle", path, ident],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                              timeout=30 * SLOW, check=False)
        err.seek(0)
        text = err.read().decode("utf-8", "replace")
    os.unlink(name)
    return done.returncode, text


def same_id(t, times):
    path = t.bundle(t.config("/bin/sleep", "100000"))
    for _ in range(times):
        ident = t.new_id()
        with ThreadPoolExecutor(20) as pool:
            results = list(pool.map(lambda _: call_created(t, path, ident), range(100)))
        won = [r for r in results if r[0] == 0]
        t.equal(len(won), 1, f"creates that succeeded ({results[:3]})")
        strange = [r for r in results if r[0] and (r[0] != 1 or "already exists" not in r[1]
                                                   or len(r[1].strip().splitlines()) != 1)]
        t.equal(strange, [], "refusals")
        t.ok("start", ident)
        t.ok("delete", "--force", ident)
        t.equal(leaks.settled(leaks.states, t) + leaks.settled(leaks.cgroups, t), [], "left")


@needs("root")
def test_same_id(t):
    """of 100 creates with one id at the same time exactly one wins, and that one works"""
    same_id(t, 1)


def cycles(t, count):
    path = t.bundle(t.config("/bin/sleep", "100000"))
    idents = [t.new_id() for _ in range(count)]
    t.ids.clear()

    def cycle(ident):
        for what in ("create", "start", "kill", "delete"):
            if what == "create":
                rc, err = call_created(t, path, ident)
            else:
                args = {"start": ("start", ident), "kill": ("kill", ident, "KILL"),
                        "delete": ("delete", "--force", ident)}[what]
                rc, err = call(t, *args)
            if rc != 0:
                return f"{ident}: {what} ended with {rc}: {err.strip()}"
        return None
    with ThreadPoolExecutor(POOL) as pool, t.reaping():
        problems = [p for p in pool.map(cycle, idents) if p]
    t.ids += idents
    all_or_failure(problems)


@limit(180)
@needs("root")
def test_cycles(t):
    """200 times create, start, kill, delete with ids of their own, 16 at a time"""
    cycles(t, 200)


@tag("slow")
@limit(1800)
@needs("root")
def test_many_cycles(t):
    """the same 5000 times"""
    cycles(t, 5000)


@tag("slow")
@limit(900)
@needs("root")
def test_same_id_often(t):
    """100 creates with one id, 50 times"""
    same_id(t, 50)


def storm(t, count):
    """commands of all kinds on few ids at once: no hang, no signal, no more than one line"""
    path = t.bundle(t.config("/bin/sleep", "100000"))
    idents = [t.new_id() for _ in range(4)]
    choice = random.Random(1)
    jobs = [(choice.choice(("create", "create", "start", "state", "kill", "exec", "delete",
                            "delete --force", "list")), choice.choice(idents))
            for _ in range(count)]

    def job(what_ident):
        what, ident = what_ident
        if what == "create":
            rc, err = call_created(t, path, ident)
        elif what == "list":
            rc, err = call(t, "list")
        else:
            rc, err = call(t, *what.split(), ident, *(["true"] if what == "exec" else []))
        if what == "exec" and rc == 137:
            return None  # the payload was killed with its container
        if rc is None or rc < 0 or rc > 1 and what != "exec" or \
                rc and len(err.strip().splitlines()) != 1:
            return f"{what}: {rc}: {err!r}"
        return None
    with ThreadPoolExecutor(POOL) as pool, t.reaping():
        problems = [p for p in pool.map(job, jobs) if p]
    for ident in idents:
        done = t.skiff("delete", "--force", ident, timeout=20)
        if done.rc:
            problems.append(f"delete --force in the end: {done}")
    all_or_failure(problems)


@limit(180)
@needs("root")
def test_storm(t):
    """400 commands of all kinds on four ids, 16 at a time"""
    storm(t, 400)


@tag("slow")
@limit(1800)
@needs("root")
def test_long_storm(t):
    """the same with 20000 commands"""
    storm(t, 20000)
