"""containerd with containerd-shim-skiff-v2, and what tests of the shim do to both."""
import contextlib
import glob
import os

import kernel
from containerd import Containerd

NAME = "containerd-shim-skiff-v2"
RUNTIME = ("--runtime", "io.containerd.skiff.v2")
NEEDS = ("root", "cmd:containerd", "cmd:ctr")


def program(t):
    """the directory to look for the shim in, which lies beside the program under test"""
    beside = os.path.dirname(t.binary)
    built = next((path for path in (f"{beside}/{NAME}-static", f"{beside}/{NAME}")
                  if os.access(path, os.X_OK)), None)
    if not built:
        t.skip("the shim is not built")
    os.makedirs(t.path("bin"), exist_ok=True)
    if not os.path.lexists(t.path(f"bin/{NAME}")):
        os.symlink(built, t.path(f"bin/{NAME}"))
    return t.path("bin")


def start(t, *config, **how):
    return Containerd(t, *config, **how, env={"PATH": f"{program(t)}:{os.environ['PATH']}"})


@contextlib.contextmanager
def containerd(t):
    """a daemon; afterwards there is no shim, no bundle and no socket of a shim"""
    sockets = set(glob.glob("/run/containerd/s/skiff-*"))
    daemon = start(t)
    try:
        yield daemon.ctr
        t.wait_until(lambda: not shims(t), 10, "the shims' end")
        t.equal(os.listdir(f"/run/containerd/skiff/{t.mark}"), [], "state that is left")
        t.equal(glob.glob(f"{t.dir}/containerd.run/io.containerd.runtime.v2.task/*/*"), [])
        # other tests run beside this one
        left = [s for s in set(glob.glob("/run/containerd/s/skiff-*")) - sockets
                if f" {s}\n" not in kernel.read("/proc/net/unix")]
        t.equal(left, [], "sockets that are left")
    finally:
        daemon.clean_up()
        with contextlib.suppress(OSError):
            os.rmdir(f"/run/containerd/skiff/{t.mark}")


def shims(t):
    """the pids of the shims of this test"""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = kernel.argv(int(pid))
            ours = any(word.startswith(f"{t.dir}/") for word in words[1:])
            if ours and words[0].endswith(NAME) and kernel.is_alive(int(pid)):
                found.append(int(pid))
    return found


def run(t, *options, name, args):
    return ("run", *RUNTIME, *options, "--rootfs", t.shared_rootfs, name, *args)


def pid_of(ctr, name):
    rows = [line.split() for line in ctr.ok("task", "ls").splitlines()]
    return next(int(row[1]) for row in rows if row[0] == name)


def sleeper(t, ctr, name, *options):
    ctr.ok(*run(t, "-d", *options, name=name, args=["/bin/sleep", "100000"]))
    return pid_of(ctr, name)


def remove(ctr, *names):
    for name in names:
        ctr.ok("task", "kill", "--signal", "KILL", name)
        ctr.wait_for("STOPPED", "task", "ls")
        ctr.try_("task", "delete", name)
        ctr.ok("container", "delete", name)


def address(t, name):
    path = f"{t.dir}/containerd.run/io.containerd.runtime.v2.task/{t.mark}/{name}/address"
    return kernel.read(path).removeprefix("unix://")
