"""pause and resume: the freezer, and what other commands do with a paused container."""
import os
import time

import inside
import kernel
from harness import needs

COUNTER = "i=0; while :; do i=$((i+1)); echo $i >/mnt/new; mv /mnt/new /mnt/count; done"


def frozen(t, pid):
    """what the kernel says about the freezer of the process's cgroup"""
    dirs = kernel.cgroup_dirs(pid)
    if "freezer" in dirs and t.mark in dirs["freezer"]:
        return kernel.read(f"{dirs['freezer']}/freezer.state").strip() == "FROZEN"
    return "frozen 1" in kernel.read(f"{dirs['']}/cgroup.events")


def counting(t):
    """a running container that counts in a file, and that file"""
    config = t.config("/bin/sh", "-c", COUNTER)
    path = inside.share(t, config) + "/count"
    c = t.background(config)
    t.wait_until(lambda: inside.lines(path), what="the first number")
    return c, path


def moves(path):
    """whether the number changes"""
    before = inside.lines(path)
    time.sleep(0.15)
    return inside.lines(path) != before


@needs("root")
def test_pause(t):
    """a paused container does nothing, says so in state and list, and goes on when resumed"""
    c, path = counting(t)
    t.true(moves(path), "it does not count")
    t.equal(t.ok("pause", c.id).out, "")
    t.true(frozen(t, c.pid), "the kernel says that it is not frozen")
    t.true(not moves(path), "it counts on")
    t.equal((c.state()["status"], c.state()["pid"]), ("paused", c.pid))
    entry, = t.ok("list", "--format", "json").json()
    t.equal(entry["status"], "paused")
    t.contains(t.ok("list").out, " paused ", "the table")
    t.equal(t.ok("resume", c.id).out, "")
    t.true(not frozen(t, c.pid), "the kernel says that it is frozen")
    t.wait_until(lambda: moves(path), what="counting")
    t.equal(c.state()["status"], "running")


@needs("root")
def test_wrong_state(t):
    """pause needs a running or created container, resume a paused one"""
    c = t.sleeper()
    t.fails(t.skiff("resume", c.id), "not paused", rc=1)
    t.ok("pause", c.id)
    t.fails(t.skiff("pause", c.id), "not running", "paused", rc=1)
    t.true(frozen(t, c.pid), "the second pause thawed it")
    t.ok("resume", c.id)
    c.kill()
    c.wait_stopped()
    t.fails(t.skiff("pause", c.id), "container not running", rc=1)
    t.fails(t.skiff("resume", c.id), "not paused", rc=1)
    for command in ("pause", "resume"):
        t.fails(t.skiff(command, "none"), "does not exist", rc=1)


@needs("root")
def test_created(t):
    """a created container can be paused: it cannot be started until it is resumed"""
    c = t.create(t.config("/bin/sleep", "100000"))
    t.ok("pause", c.id)
    t.true(frozen(t, c.pid), "not frozen")
    t.equal(c.state()["status"], "paused")
    t.fails(t.skiff("start", c.id), "paused", rc=1)
    t.ok("resume", c.id)
    t.equal(c.state()["status"], "created")
    c.start()
    t.equal(c.state()["status"], "running")


@needs("root")
def test_exec(t):
    """exec into a paused container is refused; with --ignore-paused it waits for resume"""
    c = t.sleeper()
    t.ok("pause", c.id)
    t.fails(c.exec("true"), "cannot exec in a paused container", rc=255)
    process = t.spawn(t.binary, "--root", t.root, "exec", "--ignore-paused", c.id, "true")
    time.sleep(0.3)
    t.equal(process.poll(), None, "exit status of exec while paused")
    t.ok("resume", c.id)
    t.wait_until(lambda: process.poll() is not None, what="the end of exec")
    t.equal(process.returncode, 0, "exit status of exec")


@needs("root")
def test_kill(t):
    """KILL ends a paused container at once; another signal waits until it is resumed"""
    c = t.sleeper()
    t.ok("pause", c.id)
    c.kill()
    c.wait_stopped()
    t.equal(c.state()["status"], "stopped")
    c.delete()
    c = t.background(t.config("/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.02; done"))
    t.wait_until(lambda: kernel.descendants(c.pid), what="the trap, which comes before the sleep")
    t.ok("pause", c.id)
    c.kill("TERM")
    time.sleep(0.2)
    t.true(kernel.is_alive(c.pid), "TERM reached a paused process")
    t.equal(c.state()["status"], "paused")
    t.ok("resume", c.id)
    c.wait_stopped()


@needs("root")
def test_kill_all(t):
    """kill --all with KILL ends every process of a paused container"""
    c = t.background(t.config("/bin/sh", "-c", "sleep 100000 & sleep 100001 & wait"))
    t.wait_until(lambda: len(kernel.descendants(c.pid)) == 2, what="two children")
    children = kernel.descendants(c.pid)
    t.ok("pause", c.id)
    c.kill("KILL", "--all")
    t.wait_until(lambda: not any(map(kernel.is_alive, [c.pid, *children])), what="their end")
    c.delete()


@needs("root")
def test_delete(t):
    """delete refuses a paused container, delete --force ends and removes it, frozen cgroup
    and all"""
    for c in (t.sleeper(), t.create()):
        t.ok("pause", c.id)
        dirs = [path for path in kernel.cgroup_dirs(c.pid).values() if t.mark in path]
        t.true(dirs, "no cgroup")
        t.fails(t.skiff("delete", c.id), "paused", rc=1)
        t.true(frozen(t, c.pid), "the refused delete thawed it")
        c.delete("--force")
        t.wait_until(lambda c=c: not kernel.is_alive(c.pid), what="init's end")
        t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")
        t.true(not os.path.exists(f"{t.root}/{c.id}"), "state left")


@needs("root")
def test_interrupted(t):
    """what a pause that was killed leaves in the state directory is in nobody's way"""
    c = t.sleeper()
    os.symlink("1 i1 paused", f"{t.root}/{c.id}/init.new")
    t.equal(c.state()["status"], "running")
    t.ok("pause", c.id)
    t.ok("resume", c.id)
    os.symlink("1 i1 paused", f"{t.root}/{c.id}/init.new")
    c.delete("--force")
    t.true(not os.path.exists(f"{t.root}/{c.id}"), "state left")


@needs("root")
def test_frozen_by_others(t):
    """a container that somebody else froze counts as paused and can be resumed"""
    c = t.sleeper()
    dirs = kernel.cgroup_dirs(c.pid)
    v1 = "freezer" in dirs and t.mark in dirs["freezer"]
    path = f"{dirs['freezer']}/freezer.state" if v1 else f"{dirs['']}/cgroup.freeze"
    with open(path, "w", encoding="utf-8") as f:
        f.write("FROZEN" if v1 else "1")
    t.wait_until(lambda: frozen(t, c.pid), what="frost")
    t.equal(c.state()["status"], "paused")
    t.ok("resume", c.id)
    t.true(not frozen(t, c.pid), "still frozen")


@needs("root")
def test_without_cgroup(t):
    """without a cgroup of its own a container cannot be paused, and pause says why"""
    t.command(t.binary, "--root", t.root, "--cgroup-manager=disabled", "run", "--detach",
              "--bundle", t.bundle(t.config("/bin/sleep", "100000")), ident := t.new_id())
    t.fails(t.skiff("pause", ident), "freezer", rc=1)
