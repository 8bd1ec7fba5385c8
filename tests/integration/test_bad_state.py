"""State that is broken: a torn, foreign or hostile state directory gives one line, harms no
process, and delete --force clears it away."""
import os
import re
import subprocess
import time

import kernel
from attack import Canary, all_or_failure
from harness import SLOW

COMMANDS = (("state",), ("start",), ("kill",), ("exec",), ("delete",))


def files_of(t, ident):
    where = f"{t.root}/{ident}"
    return [f"{where}/{name}" for name in os.listdir(where)
            if os.path.isfile(f"{where}/{name}") and not os.path.islink(f"{where}/{name}")]


def rewrite(path, data):
    os.unlink(path)
    with open(path, "wb") as f:
        f.write(data)


def content(path):
    with open(path, "rb") as f:
        return f.read()


def link_to(target):
    def replace(path):
        os.unlink(path)
        os.symlink(target, path)
    return replace


def fifo(path):
    os.unlink(path)
    os.mkfifo(path)


def directory(path):
    os.unlink(path)
    os.mkdir(path)


def sparse(path):
    with open(path, "w", encoding="utf-8") as f:
        f.truncate(2_254_857_830)


DAMAGES = {
    "gone": os.unlink,
    "empty": lambda path: rewrite(path, b""),
    "cut in half": lambda path: rewrite(path, content(path)[:len(content(path)) // 2]),
    "cut at the end": lambda path: rewrite(path, content(path).rstrip()[:-1]),
    "garbage": lambda path: rewrite(path, os.urandom(4096)),
    "zeros": lambda path: rewrite(path, bytes(4096)),
    "another type": lambda path: rewrite(path, b'["state"]'),
    "empty object": lambda path: rewrite(path, b"{}"),
    "huge": sparse,
    "device": link_to("/dev/zero"),
    "fifo": fifo,
    "directory": directory,
}


def commands(t, ident, problems, name):
    """no command may hang, die of a signal or print more than a line"""
    for words in COMMANDS:
        args = [*words, ident, "true"] if words[0] == "exec" else [*words, ident]
        result = t.skiff(*args, timeout=5)
        lines = len(result.err.strip().splitlines())
        if result.rc < 0 or result.rc and lines != 1 or result.seconds > SLOW:
            problems.append(f"{name}, {words[0]}: {result}")
    if t.skiff("list", timeout=5).rc != 0:
        problems.append(f"{name}: list failed")


def damage_all(t, make):
    problems = []
    for name, damage in DAMAGES.items():
        for index in range(len(files_of(t, make(t).id))):
            c = make(t)
            path = sorted(files_of(t, c.id))[index]
            damage(path)
            case = f"{os.path.basename(path)} {name}"
            commands(t, c.id, problems, case)
            result = t.skiff("delete", "--force", c.id, timeout=5)
            if result.rc or result.seconds > 2 * SLOW or os.path.exists(f"{t.root}/{c.id}"):
                problems.append(f"{case}: delete --force: {result}")
            if kernel.is_alive(c.pid):
                try:
                    os.kill(c.pid, 9)
                except ProcessLookupError:
                    pass
                if name in ("cut at the end", "directory"):
                    problems.append(f"{case}: the process outlived delete --force")
            t.log.clear()
        for ident in t.ids:
            if os.path.exists(f"{t.root}/{ident}"):
                t.skiff("delete", "--force", ident)
    all_or_failure(problems)
    t.equal(t.skiff("list", "--quiet").out, "", "containers that are left")


def test_damaged_state_of_a_created_container(t):
    """each file of the state directory, in turn, is damaged in each way"""
    damage_all(t, lambda t: t.create(t.config("/bin/sleep", "100000")))


def test_state_with_another_pid(t):
    """a pid that was given to another process is not killed: the start time differs"""
    victim = t.spawn("/bin/sleep", "100000", stdout=subprocess.DEVNULL)
    start = int(kernel.read(f"/proc/{victim.pid}/stat").rsplit(")", 1)[1].split()[19])
    t.wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")
                 > start + 3, 1, "another tick of the clock")
    c = t.sleeper()
    changed = 0
    number = re.compile(rb"\b%d\b" % c.pid)
    for path in files_of(t, c.id):
        data = content(path)
        new = number.sub(b"%d" % victim.pid, data)
        changed += new != data
        rewrite(path, new)
    for name in os.listdir(f"{t.root}/{c.id}"):
        path = f"{t.root}/{c.id}/{name}"
        if os.path.islink(path) and number.search(os.readlink(path).encode()):
            target = number.sub(b"%d" % victim.pid, os.readlink(path).encode())
            os.unlink(path)
            os.symlink(target, path)
            changed += 1
    t.true(changed, "no file of the state has the pid")
    t.skiff("kill", c.id, "KILL")
    t.skiff("delete", "--force", c.id)
    t.true(victim.poll() is None, "another process was killed")
    if kernel.is_alive(c.pid):
        os.kill(c.pid, 9)


def test_state_directory_is_a_link(t):
    """an id that is a symbolic link in the state directory is not followed by delete"""
    canary = Canary(t)
    os.symlink(canary.path, f"{t.root}/{t.mark}-link")
    os.symlink("/nowhere", f"{t.root}/{t.mark}-dangling")
    for name in ("link", "dangling"):
        ident = f"{t.mark}-{name}"
        for args in (("state", ident), ("delete", ident), ("delete", "--force", ident),
                     ("create", "--bundle", t.bundle(), ident)):
            result = t.skiff(*args, timeout=5)
            t.true(result.rc >= 0, f"{args[0]} died of a signal")
            canary.check()
        path = f"{t.root}/{ident}"
        if os.path.islink(path):
            os.unlink(path)
        t.skiff("delete", "--force", ident)


def test_links_in_the_state_directory(t):
    """files of the state that are links to the host's files are not written through"""
    canary, c = Canary(t), None
    for index in range(len(files_of(t, t.create().id))):
        c = t.create()
        path = sorted(files_of(t, c.id))[index]
        os.unlink(path)
        os.symlink(f"{canary.path}/secret", path)
        commands(t, c.id, problems := [], os.path.basename(path))
        t.skiff("delete", "--force", c.id)
        canary.check()
        all_or_failure(problems)
        if kernel.is_alive(c.pid):
            os.kill(c.pid, 9)
