"""A web service in Go (service/main.go) as a container of each engine, with limits of memory
and CPU: it answers, the kernel kills it at its limit, the engine says so, and it comes back."""
import json
import os

import kernel
import leaks
from containerd import Containerd
from dockerd import Dockerd
from engine import Engine, Follow
from harness import limit, needs, tag
from service_image import NAME, archive, ask, expect_service, unpacked

MEMORY = 32 << 20
TOO_MUCH = "/fill?mib=100"


def service_config(t):
    config = t.config("/service")
    config["linux"]["resources"].update(
        memory={"limit": MEMORY, "swap": MEMORY}, cpu={"quota": 50000, "period": 100000})
    return config


def oom_events(t, ident):
    """`events` in the background: a function that tells whether it has told of the kill"""
    if os.path.basename(t.binary) == "crun":
        return lambda: True  # it has no such command
    with open(t.path("events"), "wb") as f:
        process = t.spawn(t.binary, "--root", t.root, "events", "--interval", "1h", ident, stdout=f)
    t.wait_until(lambda: kernel.status(process.pid)["State"].startswith("S"), 20, "events' sleep")
    return lambda: '"oom"' in kernel.read(t.path("events"))


@needs("root", "memory", "cpu")
@tag("engine")
@limit(60)
def test_runtime(t):
    """the runtime alone, with the image's root file system in a bundle: twice, under one name"""
    config, root, ident = service_config(t), unpacked(t), t.new_id()
    bundle = t.bundle(config, root)
    for last in (False, True):
        with open(t.path("service.log"), "w+b") as log:
            t.spawn(t.binary, "--root", t.root, "run", "--detach", "--bundle", bundle, "--pid-file",
                    t.path("pid"), ident, stdout=log, stderr=log).wait()
        pid = int(kernel.read(t.path("pid")))
        asker = lambda path: ask(path, pid=pid)
        expect_service(t, asker, pid, MEMORY)
        if last:
            break
        told = oom_events(t, ident)
        t.equal(asker(TOO_MUCH), None, "answer of who was killed")
        t.wait_until(told, 20, "the event of the kill")
        t.wait_until(lambda: t.ok("state", ident).json()["status"] == "stopped", 20, "the kill")
        t.ok("delete", ident)
    t.ok("kill", ident, "TERM")
    t.wait_until(lambda: not kernel.is_alive(pid), 20, "the service's orderly end")
    t.contains(kernel.read(t.path("service.log")), "served 1\n")


class Podman(Engine):
    """podman with the test's own storage; where systemd is, it makes the cgroups, as root's and
    users' podman has it by default"""

    def __init__(self, t):
        manager = "systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs"
        # Without systemd: cgroups of the test's own, and no limits that it could not give itself.
        self.create = ["create"] if manager == "systemd" else [
            "create", "--cgroup-parent", f"/{t.mark}", "--ulimit", "nofile=1024:1024",
            "--ulimit", "nproc=1024:1024"]
        super().__init__(
            t, "podman", "--root", t.path("podman"), "--runroot", t.path("podman.run"),
            "--tmpdir", t.path("podman.tmp"), "--storage-driver", "vfs", "--events-backend", "file",
            "--cgroup-manager", manager, "--runtime", t.binary)

    def start(self, name):
        """Start it.  Debian 12's conmon writes its note of an OOM kill into the directory that it
        was started in, and podman looks for it in the container's."""
        self.ok("start", name, cwd=self.ok("inspect", "--format", "{{.StaticDir}}", name))

    def state(self, name):
        return json.loads(self.ok("inspect", "--format", "{{json .State}}", name))

    def clean_up(self):
        self.try_("rm", "-f", "-t", "0", "-a")
        # conmon is still in its cgroup for a moment.
        self.t.wait_until(lambda: not leaks.processes(self.t), 10, "conmon's end")
        for path in leaks.cgroups(self.t):
            for where, _, _ in os.walk(path, topdown=False):
                os.rmdir(where)


def service_of_podman(t, *options, asker_of):
    """run, killed at its limit, told, and started again"""
    podman = Podman(t)
    try:
        podman.ok("load", "-q", "-i", archive(t), timeout=60)
        podman.ok(*podman.create, "--name", "web", "--memory", MEMORY, "--memory-swap", MEMORY,
                  "--cpus", "0.5", *options, NAME)
        podman.start("web")
        asker = asker_of(podman)
        expect_service(t, asker, podman.state("web")["Pid"], MEMORY)
        asker(TOO_MUCH)
        t.equal(podman.ok("wait", "web"), "137", "status of who was killed")
        t.equal(podman.state("web")["OOMKilled"], True, "OOMKilled")
        podman.start("web")
        expect_service(t, asker_of(podman), podman.state("web")["Pid"], MEMORY)
        podman.ok("stop", "web")
        t.equal(podman.state("web")["ExitCode"], 0, "status of an orderly end")
        t.contains(podman.ok("logs", "web"), "served 1")
    finally:
        podman.clean_up()


@needs("root", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(90)
def test_podman(t):
    """podman as root: asked in its network namespace"""
    def asker_of(podman):
        pid = podman.state("web")["Pid"]
        return lambda path: ask(path, pid=pid)
    service_of_podman(t, "--network", "none", asker_of=asker_of)


@needs("user", "vm", "cmd:podman")
@tag("engine")
@limit(90)
def test_podman_of_a_user(t):
    """podman as an ordinary user: asked by a process of `exec`"""
    def asker_of(podman):
        return lambda path: podman.try_("exec", "web", "/service", "get", path).out
    service_of_podman(t, "--network", "none", asker_of=asker_of)


@needs("root", "memory", "cpu", "cmd:dockerd", "cmd:docker")
@tag("engine")
@limit(60)
def test_docker(t):
    """docker, with a restart policy: the event of the kill, and a fresh service after it"""
    d = Dockerd(t, "--add-runtime", f"skiff={t.binary}", "--cgroup-parent", f"/{t.mark}",
                "--exec-opt", "native.cgroupdriver=cgroupfs")
    try:
        with open(archive(t), "rb") as f:
            d.ask("POST", "/images/load", f.read(), "application/x-tar")
        d.docker.ok("run", "-d", "--name", "web", "--runtime", "skiff", "--memory", MEMORY,
                    "--memory-swap", MEMORY, "--cpus", "0.5", "--network", "none", "--restart",
                    "on-failure:3", NAME)
        asker = lambda path: ask(path, pid=d.pid("web"))
        expect_service(t, asker, d.pid("web"), MEMORY)
        asker(TOO_MUCH)
        t.wait_until(lambda: d.inspect("web")["RestartCount"] == 1
                     and d.inspect("web")["State"]["Running"], 20, "the restart")
        expect_service(t, asker, d.pid("web"), MEMORY)
        t.contains(d.events(), "oom")
        d.post("/containers/web/stop")
        t.equal(d.inspect("web")["State"]["ExitCode"], 0, "status of an orderly end")
    finally:
        d.clean_up()


@needs("root", "memory", "cpu", "cmd:containerd", "cmd:ctr")
@tag("engine")
@limit(60)
def test_containerd(t):
    """a task of ctr by the stock shim: the event of the kill, and a second task after it"""
    daemon = Containerd(t)
    ctr = daemon.ctr
    try:
        events = Follow(ctr, "events")
        ctr.ok("image", "import", "--snapshotter", "native", archive(t))
        ctr.ok("run", "-d", "--snapshotter", "native", "--runc-binary", t.binary, "--memory-limit",
               MEMORY, "--cpus", "0.5", NAME, "web")
        for last in (False, True):
            pid = int(next(row.split()[1] for row in ctr.ok("task", "ls").splitlines()
                           if row.startswith("web ")))
            asker = lambda path: ask(path, pid=pid)
            expect_service(t, asker, pid, MEMORY)
            asker(TOO_MUCH)
            t.wait_until(lambda: events.words().count("/tasks/oom") == 1 + last, 20,
                         "the event of the kill")
            ctr.wait_for("STOPPED", "task", "ls")
            t.contains(ctr.try_("task", "delete", "web").err, "exit code 137")
            if not last:
                ctr.ok("task", "start", "-d", "web")
        ctr.ok("container", "delete", "web")
        events.stop()
    finally:
        daemon.clean_up()
