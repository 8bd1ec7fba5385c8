"""Checkpoint and restore by containerd-shim-skiff-v2: by its own calls, and through containerd's
content store."""
import contextlib
import os

import kernel
import protobuf
from harness import limit, needs, tag
from oci_archive import oci_archive
from shim import NEEDS, RUNTIME, Alone, containerd, pid_of

IMAGE = "docker.io/library/box:1"
# It says again and again what it alone knows, and ends as it is told.
WITNESS = ("known=$(cat /proc/sys/kernel/random/uuid); trap 'exit 9' TERM; "
           "while :; do echo $known; echo $known >/tmp/new; mv /tmp/new /tmp/known; sleep 0.1; done")
TMP = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}


class Output:
    """a fifo as clients of containerd make it, and what comes out of it"""

    def __init__(self, path):
        os.mkfifo(path)
        self.path, self.file = path, os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text = ""

    def read(self):
        with contextlib.suppress(BlockingIOError):
            self.text += os.read(self.file, 65536).decode()
        return self.text


def word(t, output):
    """what the container says now"""
    t.wait_until(lambda: output.read().count("\n") > 1, what="words")
    return output.text.split()[0]


def checkpointed(t, shim, client, who, path):
    """a dump after which the container ends"""
    os.mkdir(path, 0o700)
    options = protobuf.text(1, "containerd.runc.v1.CheckpointOptions") + protobuf.text(
        2, protobuf.number(1, 1))
    t.equal(client.call("Checkpoint", who + protobuf.text(2, path) + protobuf.text(3, options))[:2],
            (0, ""))
    t.equal(protobuf.fields(client.call("Wait", who)[2])[1], [137])
    t.equal(client.call("Delete", who)[:2], (0, ""))


def restored(t, terminal):
    """the container's words come by the new streams; it can be awaited"""
    shim = Alone(t)
    client, who = shim.client(), protobuf.text(1, "box")
    config = t.config("/bin/sh", "-c", WITNESS)
    config["process"]["terminal"] = terminal
    config["mounts"].append(TMP)
    streams = {"terminal": True} if terminal else {}
    out = Output(t.path("out"))
    t.equal(client.call("Create", shim.created("box", config, stdout=out.path, **streams))[:2], (0, ""))
    t.equal(client.call("Start", who)[:2], (0, ""))
    known = word(t, out)
    checkpointed(t, shim, client, who, t.path("image"))
    again = Output(t.path("again"))
    answer = client.call("Create", shim.created("box", stdout=again.path, checkpoint=t.path("image"),
                                                **streams))
    t.equal(answer, (0, "", b""), "Create, which has no pid yet")
    answer = client.call("Start", who)
    t.equal(answer[:2], (0, ""))
    pid, = protobuf.fields(answer[2])[1]
    t.wait_until(lambda: int(kernel.status(pid)["PPid"]) == shim.pid(), what="init is the shim's child")
    t.equal(word(t, again), known)
    t.equal(protobuf.fields(client.call("State", who)[2])[3], [pid])
    shim.life("other")
    t.equal(client.call("Kill", who + protobuf.number(3, 15))[:2], (0, ""))
    t.equal(protobuf.fields(client.call("Wait", who)[2])[1], [9])
    t.equal(client.call("Delete", who)[:2], (0, ""))
    shim.end()


@needs("root", "cmd:criu")
@tag("engine", "shim", "criu")
@limit(60)
def test_restore(t):
    """a container goes on with streams of its own"""
    restored(t, False)


@needs("root", "cmd:criu")
@tag("engine", "shim", "criu")
@limit(60)
def test_restore_terminal(t):
    """the same on a terminal"""
    restored(t, True)


@needs("root", "cmd:criu")
@tag("engine", "shim", "criu")
@limit(60)
def test_restore_fails(t):
    """no image: Start says so, Delete forgets the container"""
    shim = Alone(t)
    client, who = shim.client(), protobuf.text(1, "box")
    t.equal(client.call("Create", shim.created("box", t.config(), checkpoint=t.path("none")))[0], 0)
    t.contains(client.call("Start", who)[1], t.path("none"))
    t.equal(client.call("Delete", who)[:2], (0, ""))
    shim.end()


def said(t, ctr):
    """what the task says from now on"""
    path = f"/proc/{pid_of(ctr, 'box')}/root/tmp/known"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    t.wait_until(lambda: os.path.exists(path), 20, "the task's word")
    return kernel.read(path)


def delete_box(ctr):
    ctr.ok("task", "delete", "--force", "box")
    ctr.ok("container", "delete", "box")


@needs(*NEEDS, "cmd:criu")
@tag("engine", "shim", "criu")
@limit(60)
def test_content_store(t):
    """a task is dumped into an image, deleted, and goes on with what it knew"""
    with containerd(t) as ctr:
        ctr.ok("image", "import", "--snapshotter", "native",
               *(("--local",) if " 2." in ctr.ok("version") else ()),
               oci_archive(t, IMAGE, ["/bin/sh"]), timeout=60)
        ctr.ok("run", "-d", *RUNTIME, "--snapshotter", "native", IMAGE, "box", "/bin/sh", "-c", WITNESS)
        known = said(t, ctr)
        ctr.ok("container", "checkpoint", "--task", "--rw", "--image", "box", "saved", timeout=60)
        delete_box(ctr)
        ctr.ok("container", "restore", "--live", "--rw", "box", "saved", timeout=60)
        t.equal(said(t, ctr), known)
        delete_box(ctr)
