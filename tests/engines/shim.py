"""containerd with containerd-shim-skiff-v2, and what tests of the shim do to both."""
import contextlib
import glob
import os
import subprocess

import kernel
import protobuf
import ttrpc
from containerd import Containerd
from harness import SLOW

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
        # others' shims may be killed meanwhile: their sockets are left for a moment
        left = lambda: [s for s in set(glob.glob("/run/containerd/s/skiff-*")) - sockets
                        if f" {s}\n" not in kernel.read("/proc/net/unix")]
        t.wait_until(lambda: not left(), 10, "no sockets that are left")
    finally:
        daemon.clean_up()
        with contextlib.suppress(OSError):
            os.rmdir(f"/run/containerd/skiff/{t.mark}")


def socket_of(t, daemon, group):
    """where a shim of the daemon's listens: the name is made of what it is for"""
    value = 0x6c62272e07bb014262b821756295c58d
    for byte in f"{daemon.address}/{t.mark}/{group}".encode():
        value = (value ^ byte) * ((1 << 88) + 0x13b) % (1 << 128)
    return f"/run/containerd/s/skiff-{value:032x}"


def shims(t):
    """the pids of the shims of this test, without the children that do something for them"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = kernel.argv(int(pid))
            ours = any(word.startswith(f"{t.dir}/") for word in words[1:])
            if ours and words[0].endswith(NAME) and kernel.is_alive(int(pid)):
                # a child of that kind is in its shim's process group
                found[int(pid)] = os.getpgid(int(pid))
    return [pid for pid, group in found.items() if group == pid or group not in found]


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


class Alone:
    """a shim that the test starts and asks, without containerd"""

    def __init__(self, t, words=b""):
        """words: what containerd would write to it"""
        self.t, self.bundles = t, {}
        self.answer = self.call_program("-id", "first", "start", words=words,
                                        cwd=self.bundle("first", t.config()))
        self.path = kernel.read(f"{self.bundles['first']}/address").removeprefix("unix://")

    def call_program(self, *options, words=b"", cwd=None):
        """one of its short-lived modes: what it prints"""
        t = self.t
        result = subprocess.run(
            [f"{program(t)}/{NAME}", "-namespace", t.mark, "-address", t.path("no.sock"),
             "-publish-binary", "none", *options],
            input=words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10 * SLOW)
        t.equal(result.returncode, 0, result.stdout)
        return result.stdout

    def bundle(self, name, config):
        """a bundle as containerd has it"""
        config["linux"]["cgroupsPath"] = f"/{self.t.mark}-{name}"  # ids are the shim's own
        self.bundles[name] = self.t.bundle(config)
        return self.bundles[name]

    def client(self):
        return ttrpc.Client(self.path)

    def pid(self):
        pid, = shims(self.t)
        return pid

    def created(self, name, config=None, **fields):
        """a request to create a container; with a config, of a new bundle"""
        path = self.bundle(name, config) if config else self.bundles[name]
        numbers = {"terminal": 4, "stdin": 5, "stdout": 6, "stderr": 7, "checkpoint": 8}
        return protobuf.text(1, name) + protobuf.text(2, path) + b"".join(
            (protobuf.number if value is True else protobuf.text)(numbers[field], value)
            for field, value in fields.items())

    def life(self, name):
        """a container comes and goes"""
        client, who = self.client(), protobuf.text(1, name)
        config = self.t.config("/bin/sh", "-c", "exit 7")
        self.t.equal(client.call("Create", self.created(name, config))[:2], (0, ""))
        self.t.equal(client.call("Start", who)[:2], (0, ""))
        self.t.equal(protobuf.fields(client.call("Wait", who)[2])[1], [7])
        self.t.equal(client.call("Delete", who)[:2], (0, ""))

    def end(self, state=None):
        """its end, when all containers are gone; nothing is left"""
        t = self.t
        state = state or f"/run/containerd/skiff/{t.mark}"
        t.equal(self.client().call("Shutdown", protobuf.text(1, "x"))[0], 0)
        t.wait_until(lambda: not shims(t), 10, "the shim's end")
        t.true(not os.path.exists(self.path), "its socket is left")
        with contextlib.suppress(FileNotFoundError):
            t.equal(os.listdir(state), [], "state that is left")
            os.rmdir(state)


def frame_of(client, method, payload):
    """sends a request whose answer comes later: its stream"""
    return client.frame(protobuf.text(1, "containerd.task.v2.Task") + protobuf.text(2, method)
                        + protobuf.text(3, payload))
