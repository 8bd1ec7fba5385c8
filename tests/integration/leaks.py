"""What a test may leave behind: nothing.  Compares the machine before and after."""
import os
import signal
import time

import kernel
from harness import SLOW


def mounts():
    """our mountinfo without the ids, which the kernel gives anew"""
    return sorted((m.root, m.point, m.options, m.fstype, m.source, m.superopts)
                  for m in kernel.mountinfo())


def before():
    return {"mounts": mounts()}


def counts(t, mount):
    """Whether a change of a mount matters: other runtimes strip the options of the host's
    cgroup2, which must not fail a test that is run with them."""
    return os.path.basename(t.binary).startswith("skiff") or mount[3] != "cgroup2"


def states(t):
    """files of the state directory that carry one of our ids"""
    return [os.path.join(where, name) for where, dirs, files in os.walk(t.root)
            for name in dirs + files if t.mark in name]


def cgroups(t):
    """directories of any hierarchy that carry one of our ids"""
    return [os.path.join(where, name) for point in set(kernel.cgroup_mounts().values())
            for where, dirs, _ in os.walk(point) for name in dirs if t.mark in name]


def processes(t):
    """what still runs below this process, which is a subreaper: nothing can escape it"""
    t.reap()
    found = []
    for pid in kernel.descendants(os.getpid()):
        try:
            if kernel.is_alive(pid):
                found.append(f"{pid} {' '.join(kernel.argv(pid))}")
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just gone
    return found


def settled(find, t):
    """find(t) once it is empty, or what is left of it after a second: a killed process takes a
    moment to go"""
    end = time.monotonic() + 1 * SLOW
    while True:
        left = find(t)
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.01)


def after(t, earlier):
    """[sentence, ..] about what the test left; removes it, so that the next one can run"""
    found = []
    for what, find in (("process", processes), ("state", states), ("cgroup", cgroups)):
        found += [f"{what} left: {item}" for item in settled(find, t)]
    now = mounts()
    found += [f"mount left: {m}" for m in now
              if m not in earlier["mounts"] and counts(t, m)]
    found += [f"mount lost: {m}" for m in earlier["mounts"]
              if m not in now and counts(t, m)]
    sweep(t)
    return found


def kill_descendants():
    for pid in reversed(kernel.descendants(os.getpid())):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def sweep(t):
    kill_descendants()
    settled(processes, t)
    for path in sorted(cgroups(t), key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass
