"""containerd-shim-skiff-v2 under containerd's CRI service: a pod with two containers."""
import contextlib
import json
import os

import kernel
import websocket
from cri import Cri, decode
from harness import Failure, limit, needs, tag
from pods import (ADDRESS, IMAGE, REST, container_config, containerd_major, import_image, memory_limit,
                  pid_of, pod_config)
from shim import NEEDS, shims, start

# containerd 1.6 forgets the default that it has built in.
RUNTIMES = {1: """version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.skiff]
  runtime_type = "io.containerd.skiff.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.skiff.options]
""", 2: """version = 3
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.skiff]
  runtime_type = "io.containerd.skiff.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.skiff.options]
"""}
EXITED = 2


def options(t, major, words):
    """runtime's options in containerd's configuration; containerd 1.6 hands on a file's name alone"""
    if major > 1:
        return words
    with open(t.path("options.toml"), "w") as f:
        f.write(words)
    return f"    ConfigPath = \"{t.path('options.toml')}\"\n"


@contextlib.contextmanager
def cri_service(t, words):
    """containerd's service for pods, and the daemon; afterwards nothing of theirs is left"""
    major = containerd_major(t)
    daemon = start(t, f'{RUNTIMES[major]}{options(t, major, words)}'
                   .replace("version = ", 'root = "{dir}/containerd"\nstate = "{dir}/containerd.run"\nversion = ')
                   + REST[major].format(image=IMAGE) + ADDRESS, namespace="k8s.io")
    try:
        import_image(t, daemon.ctr)
        yield Cri(daemon), daemon
        t.wait_until(lambda: not shims(t), 10, "the shims' end")
    finally:
        daemon.clean_up()


def container(t, cri, sandbox, name, parent=None):
    """a container that runs: its id"""
    ident = cri.call("CreateContainer", {1: sandbox, 2: container_config(name),
                                         3: pod_config(t, parent or f"/{t.mark}")})[1].decode()
    cri.call("StartContainer", {1: ident})
    return ident


def runs_commands(t, cri, ident):
    """in turn, with streams of their own, and on a terminal"""
    done = cri.call("ExecSync", {1: ident, 2: ["/bin/sh", "-c", "echo a; echo b >&2; exit 3"], 3: 100})
    t.equal((done[1], done[2], done[3]), (b"a\n", b"b\n", 3))
    url = cri.call("Exec", {1: ident, 2: ["/bin/sh", "-c", "read a; echo got $a; exit 5"], 4: 1, 5: 1,
                            6: 1})[1].decode()
    streams = websocket.Streams(url)
    streams.send(websocket.INPUT, b"words\n")
    t.equal(streams.receive(), b"got words\n")
    status = json.loads(streams.received[websocket.STATUS])
    t.equal(status["details"]["causes"], [{"reason": "ExitCode", "message": "5"}])
    streams.close()
    url = cri.call("Exec", {1: ident, 2: ["/bin/sh"], 3: 1, 4: 1, 5: 1})[1].decode()
    streams = websocket.Streams(url)
    streams.send(websocket.SIZE, b'{"Width": 91, "Height": 17}')
    streams.send(websocket.INPUT, b"until stty size | grep '17 91'; do sleep 0.1; done\n")
    streams.receive(b"\r\n17 91")
    streams.send(websocket.INPUT, b"exit\n")
    t.contains(streams.receive().decode(), "17 91")
    t.contains(streams.received[websocket.STATUS].decode(), "Success")
    streams.close()


def is_measured(t, cri, ident, pid):
    stats = decode(cri.call("ContainerStats", {1: ident})[1])
    used = decode(decode(stats[2])[2])[1]
    t.true(used > 0, "processor time")
    t.true(0 < decode(decode(stats[3])[2])[1] < 64 << 20, "working set")
    t.equal(memory_limit(pid), str(64 << 20))
    cri.call("UpdateContainerResources", {1: ident, 2: {4: 96 << 20}})
    t.equal(memory_limit(pid), str(96 << 20))


@needs(*NEEDS, "memory", "cpu", "native")
@tag("engine", "shim")
@limit(60)
def test_pod(t):
    """a pod with two containers has one shim, whose state is where the options say: commands in
    them, logs, numbers, limits, their ends"""
    with cri_service(t, f'    Root = "{t.path("state")}"\n') as (cri, _):
        sandbox = cri.call("RunPodSandbox", {1: pod_config(t, f"/{t.mark}"), 2: "skiff"})[1].decode()
        one, two = (container(t, cri, sandbox, name) for name in ("one", "two"))
        t.equal(len(shims(t)), 1, "shims")
        t.equal(set(os.listdir(t.path("state/k8s.io"))), {sandbox, one, two})
        pids = [pid_of(ident) for ident in (one, two)]
        t.wait_until(lambda: {int(kernel.status(pid)["PPid"]) for pid in pids} == set(shims(t)),
                     what="they are the shim's children")
        runs_commands(t, cri, one)
        is_measured(t, cri, one, pids[0])
        for name in ("one", "two"):
            t.wait_until(lambda: "stdout F ready" in kernel.read(t.path(f"logs/{name}.log")), what="log")
        cri.call("StopContainer", {1: one})
        status = decode(cri.call("ContainerStatus", {1: one})[1])
        t.equal((status[3], status[7]), (EXITED, 137))
        t.true(kernel.is_alive(pids[1]), "the other container has ended")
        cri.call("RemoveContainer", {1: one})
        cri.call("StopPodSandbox", {1: sandbox})
        t.true(not kernel.is_alive(pids[1]), "a container outlives its pod")
        cri.call("RemovePodSandbox", {1: sandbox})
        t.wait_until(lambda: not os.listdir(t.path("state/k8s.io")), what="the state's end")


@needs(*NEEDS, "native")
@tag("engine", "shim")
@limit(60)
def test_options_are_heard(t):
    """SystemdCgroup, on a machine without systemd: the error names it"""
    if os.path.isdir("/run/systemd/system"):
        t.skip("there is systemd")
    with cri_service(t, "    SystemdCgroup = true\n") as (cri, daemon):
        try:
            cri.call("RunPodSandbox", {1: pod_config(t, "system.slice"), 2: "skiff"})
        except Failure:
            t.contains(daemon.words(), "is systemd there")
        else:
            raise Failure("a pod in a scope of systemd was made without systemd")


@needs(*NEEDS, "systemd", "vm")
@tag("engine")
@limit(60)
def test_pod_systemd(t):
    """the containers are in scopes of systemd, which end with them"""
    words = f'    SystemdCgroup = true\n    Root = "{t.path("state")}"\n'
    with cri_service(t, words) as (cri, _):
        parent = "system.slice"
        sandbox = cri.call("RunPodSandbox", {1: pod_config(t, parent), 2: "skiff"})[1].decode()
        one = container(t, cri, sandbox, "one", parent)
        pid = pid_of(one)
        scope = f"/sys/fs/cgroup/system.slice/cri-containerd-{one}.scope"
        t.true(os.path.isdir(scope), "no scope")
        t.contains(kernel.read(f"/proc/{pid}/cgroup"), f"cri-containerd-{one}.scope")
        is_measured(t, cri, one, pid)
        done = cri.call("ExecSync", {1: one, 2: ["/bin/sh", "-c", "exit 3"], 3: 100})
        t.equal(done[3], 3)
        cri.call("StopContainer", {1: one})
        cri.call("RemoveContainer", {1: one})
        t.wait_until(lambda: not os.path.exists(scope), 20, "the scope's end")
        cri.call("StopPodSandbox", {1: sandbox})
        cri.call("RemovePodSandbox", {1: sandbox})
