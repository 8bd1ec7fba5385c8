"""The shim where the host has faults: many containers at once, a full disk, an init that is stuck."""
import concurrent.futures
import contextlib
import os
import signal
import subprocess
import time

import kernel
from harness import SLOW, limit, needs, tag
from protobuf import number, text
from shim import NEEDS, containerd, run, shims
from shim_direct import NAMESPACE, Direct

MANY = 200


def of_each(t, ctr, names, words):
    """the command words(name) of each name, all at once; each must succeed"""
    def ask(name):
        with open(t.path("errors"), "ab") as errors:
            return subprocess.run([*ctr.prefix, *words(name)], stdin=subprocess.DEVNULL, stdout=errors,
                                  stderr=errors, check=False, timeout=200 * SLOW).returncode

    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        failed = [name for name, rc in zip(names, pool.map(ask, names)) if rc]
    t.true(not failed, f"{words('')} of {failed}: {kernel.read(t.path('errors'))[-3000:]}")


@needs(*NEEDS)
@tag("engine", "shim", "slow")
@limit(400)
def test_two_hundred_at_once(t):
    """two hundred containers come, run and go at once through one containerd"""
    names = [f"m{i}" for i in range(MANY)]
    with containerd(t) as ctr:
        each = lambda *words: of_each(t, ctr, names, lambda name: (*words[:-1], name, *words[-1]))
        of_each(t, ctr, names, lambda name: run(
            t, "-d", "--null-io", name=name, args=["/bin/sleep", "100000"]))
        t.equal(len(shims(t)), MANY, "shims")
        t.equal(ctr.ok("task", "ls").count("RUNNING"), MANY)
        each("task", "exec", "--exec-id", "e", ["/bin/true"])
        each("task", "kill", "--signal", "KILL", [])
        t.wait_until(lambda: ctr.ok("task", "ls").count("STOPPED") == MANY, 60, "their ends")
        each("task", "delete", [])
        each("container", "delete", [])


@contextlib.contextmanager
def full(t, name):
    """a small file system without room, and how to make some"""
    where = t.path(name)
    os.makedirs(where)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", where], check=True)
    try:
        with open(f"{where}/filler", "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        yield where, lambda: os.unlink(f"{where}/filler")
    finally:
        subprocess.run(["umount", where], check=True)


@needs("root")
@tag("shim")
def test_full_disk(t):
    """no room for the state or in the bundle is an error that says so, and leaves nothing; a full log
    stops nothing but itself"""
    shim = Direct(t).start()
    with full(t, "small") as (small, make_room):
        t.note("the state")
        small_state = text(10, text(1, "containerd.runc.v1.Options") + text(2, text(7, small)))
        code, message, _ = shim.try_create(small_state)
        t.true(code, "Create has no room and succeeds")
        t.contains(message, "No space left on device")
        t.equal([name for name in os.listdir(small) if name not in ("filler", NAMESPACE)], [])
        t.note("the bundle")
        os.makedirs(t.path("empty"), exist_ok=True)
        code, message, _ = shim.try_create(bundle=small)
        t.contains(message, "No space left on device")
        t.note("the log")
        shim.run(text(6, f"file://{small}/log"), text(7, f"file://{small}/log"))
        loud = shim.exec("/bin/sh", "-c", "echo unheard; exit 3", streams=text(5, f"file://{small}/log"))
        t.true(shim.wait(loud) in (1, 3), "the program's own end")
        shim.ok("Delete", shim.who(loud))
        shim.kill()
        shim.ok("Delete", shim.who())
        t.note("room again")
        make_room()
        t.equal(shim.try_create(small_state)[:2], (0, ""))
        shim.kill()
        shim.ok("Delete", shim.who())
        t.equal(os.listdir(f"{small}/{NAMESPACE}"), [], "state that is left")
    shim.shutdown()


@needs("root")
@tag("shim")
def test_stuck(t):
    """an init that is frozen, stopped or waits for its start can be killed and deleted; one that hangs in a
    hook goes with its shim"""
    shim = Direct(t).start()
    t.note("never started")
    pid = shim.create()
    shim.ok("Delete", shim.who())
    t.true(not kernel.is_alive(pid), "init is left")
    t.note("stopped")
    pid = shim.run()
    os.kill(pid, signal.SIGSTOP)
    t.equal(shim.kill(), 137)
    shim.ok("Delete", shim.who())
    t.note("frozen")
    shim.run()
    shim.ok("Pause", shim.who())
    t.equal(shim.kill(), 137)
    shim.ok("Delete", shim.who())
    shim.shutdown()
    t.note("in a hook")
    config = Direct.sleeper(t)
    config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "100000"]}]}
    shim = Direct(t, config).start()
    asking = shim.connect()
    asking.frame(text(1, "containerd.task.v2.Task") + text(2, "Create") + text(3, shim.who() + text(
        2, shim.bundle) + text(10, shim.options)))
    state = f"{t.root}/{NAMESPACE}/{shim.id}/state.json"
    t.wait_until(lambda: os.path.exists(state), 10, "the container's state")
    time.sleep(0.2)
    t.true(shim.is_well(), "others are answered")
    os.kill(shim.pid, signal.SIGKILL)
    t.wait_until(lambda: not kernel.is_alive(shim.pid), 10, "the shim's end")
    result = shim.delete_action()
    t.equal((result.returncode, result.stderr), (0, b""))
    t.true(not os.path.exists(os.path.dirname(state)), "state is left")
    t.true(not os.path.exists(shim.path), "the socket is left")
    for hook in kernel.descendants(os.getpid()):
        if kernel.argv(hook)[:1] == ["sleep"]:
            os.kill(hook, signal.SIGKILL)  # a hook is the host's program: nobody else ends it
