"""containerd-shim-skiff-v2 asked directly: what may take long holds up nobody else."""
import os

import kernel
import protobuf
import ttrpc
from harness import limit, needs, tag
from shim import Alone, frame_of

WAIT = "echo >> {}.begun; until [ -e {} ]; do sleep 0.02; done"
# It is ready when the file is there.
LOGGER = """#!/bin/sh
echo >> {0}.begun
until [ -e {0} ]; do sleep 0.02; done
exec 5>&-
cat <&3 >> {1}
"""


def script(t, name, text):
    path = t.path(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def hooks(t, **paths):
    """a config with hooks that wait for files; it sleeps"""
    config = t.config("/bin/sleep", "100000")
    config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", WAIT.format(path, path)]}]
                       for kind, path in paths.items()}
    return config


def begun(t, path):
    t.wait_until(lambda: os.path.exists(f"{path}.begun"), what=f"{path}.begun")


def let_go(path):
    with open(path, "w"):
        pass


def is_unanswered(client):
    client.socket.settimeout(0.2)
    try:
        answer = client.answer()
    except TimeoutError:
        return True
    finally:
        client.socket.settimeout(20)
    raise AssertionError(f"answered: {answer}")


@needs("root")
@tag("engine", "shim")
@limit(60)
def test_start(t):
    """containerd 2.3 says more and gets more; options of runc's kind are heard"""
    state = t.path("state")
    options = protobuf.text(1, "containerd.runc.v1.Options") + protobuf.text(2, protobuf.text(7, state))
    words = protobuf.text(1, "first") + protobuf.text(2, t.mark) + protobuf.text(
        8, protobuf.text(1, options))
    shim = Alone(t, words)
    answer = protobuf.fields(shim.answer)
    t.equal((answer[1], answer[2], answer[3]), ([3], [f"unix://{shim.path}".encode()], [b"ttrpc"]))
    older = shim.call_program("-id", "second", "start", cwd=shim.bundle("second", t.config())).decode()
    t.equal(older[:7], "unix://", "what an older containerd gets")
    t.equal(ttrpc.Client(older[7:]).call("Shutdown", protobuf.text(1, "second"))[0], 0)
    client = shim.client()
    created = client.call("Create", shim.created("first"), "containerd.task.v3.Task")
    t.equal(created[:2], (0, ""))
    t.equal(os.listdir(f"{state}/{t.mark}"), ["first"])
    t.equal(client.call("Delete", protobuf.text(1, "first"), "containerd.task.v3.Task")[0], 0)
    shim.end(f"{state}/{t.mark}")


@needs("root")
@tag("engine", "shim")
@limit(60)
def test_long_hooks(t):
    """hooks that wait hold up their own container; the others of the shim come and go"""
    shim = Alone(t)
    one, other, waiting = shim.client(), shim.client(), shim.client()
    who = protobuf.text(1, "slow")
    kinds = ("createRuntime", "poststart", "poststop")
    made, started, stopped = paths = [t.path(kind) for kind in kinds]
    stream = frame_of(one, "Create", shim.created("slow", hooks(t, **dict(zip(kinds, paths)))))
    begun(t, made)
    shim.life("b1")
    t.equal(other.call("State", who)[0], 5, "State of what is not there yet")
    t.equal(other.call("Create", shim.created("slow"))[0], 6, "Create of what is being made")
    let_go(made)
    answer = one.answer()
    t.equal(answer[:3], (stream, 0, ""))
    pid, = protobuf.fields(answer[3])[1]
    t.wait_until(lambda: int(kernel.status(pid)["PPid"]) == shim.pid(), what="init is the shim's child")
    t.note("Start")
    frame_of(waiting, "Wait", who)
    frame_of(one, "Start", who)
    begun(t, started)
    shim.life("b2")
    t.equal(other.call("Kill", who + protobuf.number(3, 9))[0], 0)
    t.wait_until(lambda: not kernel.is_alive(pid), what="init's end")
    t.equal(other.call("Delete", who)[0], 9, "Delete while Start goes on")
    is_unanswered(waiting)
    let_go(started)
    t.equal(one.answer()[1], 0, "Start")
    t.equal(protobuf.fields(waiting.answer()[3])[1], [137])
    t.note("Delete")
    frame_of(one, "Delete", who)
    begun(t, stopped)
    shim.life("b3")
    let_go(stopped)
    t.equal(protobuf.fields(one.answer()[3])[2], [137])
    t.wait_until(lambda: not list(kernel.descendants(shim.pid())), what="the children's end")
    shim.end()


@needs("root")
@tag("engine", "shim")
@limit(60)
def test_failing_hook(t):
    """a hook that fails is Create's answer, and leaves nothing; many of them cost no memory"""
    shim = Alone(t)
    client = shim.client()
    config = t.config()
    config["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]}
    before = None
    for i in range(24):
        answer = client.call("Create", shim.created(f"bad{i}", config))
        t.equal(answer[0], 2)
        t.contains(answer[1], "hook")
        if i == 8:
            before = memory(shim.pid())
    t.true(memory(shim.pid()) < before + 64, f"{memory(shim.pid())} KB after {before}")
    shim.end()


def memory(pid):
    rollup = kernel.read(f"/proc/{pid}/smaps_rollup")
    return sum(int(line.split()[1]) for line in rollup.splitlines()
               if line.startswith("Private_Dirty:"))


@needs("root")
@tag("engine", "shim")
@limit(60)
def test_slow_logger(t):
    """a logger that is not ready yet holds up its own process; a terminal's output goes to one, too"""
    shim = Alone(t)
    client = shim.client()
    who = protobuf.text(1, "slow")
    ready, to = t.path("ready"), t.path("logged")
    uri = f"binary://{script(t, 'logger', LOGGER.format(ready, to))}"
    config = t.config("/bin/sh", "-c", "tty; echo done")
    config["process"]["terminal"] = True
    frame_of(client, "Create", shim.created("slow", config, terminal=True, stdout=uri))
    begun(t, ready)
    shim.life("b1")
    is_unanswered(client)
    let_go(ready)
    t.equal(client.answer()[1:3], (0, ""))
    t.equal(client.call("Start", who)[0], 0)
    t.equal(protobuf.fields(client.call("Wait", who)[2]).get(1), None, "status")
    t.wait_until(lambda: os.path.exists(to) and kernel.read(to).endswith("done\n"), what="the log")
    t.equal(kernel.read(to), "/dev/pts/0\ndone\n")
    t.equal(client.call("Delete", who)[0], 0)
    t.note("one that ends before it is ready")
    uri = f"binary-v2://{script(t, 'ends', '#!/bin/sh')}"
    answer = client.call("Create", shim.created("none", config, stdout=uri))
    t.contains(answer[1], "ended before it was ready")
    shim.end()


@needs("root")
@tag("engine", "shim")
@limit(60)
def test_slow_logger_of_exec(t):
    """the same of a further process, which ends when its container does"""
    shim = Alone(t)
    client, other = shim.client(), shim.client()
    box = protobuf.text(1, "box")
    t.equal(client.call("Create", shim.created("box", t.config("/bin/sleep", "100000")))[:2], (0, ""))
    t.equal(client.call("Start", box)[0], 0)
    ready, to = t.path("ready"), t.path("logged")
    uri = f"binary://{script(t, 'logger', LOGGER.format(ready, to))}"
    spec = protobuf.text(7, protobuf.text(1, "x") + protobuf.text(
        2, '{"args": ["/bin/echo", "words"], "cwd": "/", "user": {"uid": 0, "gid": 0}}'))
    for name in ("e1", "e2"):
        t.equal(client.call("Exec", box + protobuf.text(2, name) + protobuf.text(5, uri)
                            + spec)[:2], (0, ""))
        frame_of(client, "Start", box + protobuf.text(2, name))
        begun(t, ready)
        t.equal(other.call("State", box + protobuf.text(2, name))[0], 0)
        t.equal(other.call("Delete", box + protobuf.text(2, name))[0], 9)
        if name == "e1":
            shim.life("b1")
            let_go(ready)
            t.equal(client.answer()[1:3], (0, ""))
            t.wait_until(lambda: os.path.exists(to) and kernel.read(to), what="the log")
            t.equal(kernel.read(to), "words\n")
            os.unlink(ready)
            os.unlink(f"{ready}.begun")
    t.equal(other.call("Kill", box + protobuf.number(3, 9))[0], 0)
    t.equal(other.call("Wait", box)[0], 0)
    t.equal(other.call("Delete", box)[0], 0)
    t.equal(client.answer()[1], 9, "Start of e2")
    let_go(ready)
    shim.end()
