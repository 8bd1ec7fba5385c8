"""A web service in Go (service/main.go) as a container of each engine, with limits of memory
and CPU: it answers, the kernel kills it at its limit, the engine says so, and it comes back."""

import kernel
from containerd import Containerd
from dockerd import Dockerd
from engine import Follow
from harness import limit, needs, tag
from peers import differs
from podman import Podman
from service_image import NAME, archive, ask, binary, expect_service, unpacked

MEMORY = 32 << 20
TOO_MUCH = "/fill?mib=100"


def service_config(t):
    config = t.config("/service")
    config["linux"]["resources"].update(
        memory={"limit": MEMORY, "swap": MEMORY}, cpu={"quota": 50000, "period": 100000})
    return config


def oom_events(t, ident):
    """`events` in the background: a function that tells whether it has told of the kill"""
    if differs(t, "no events"):
        t.equal(t.command(t.binary, "events", ident).rc != 0, True, "status of a command that is not")
        return lambda: True
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


def service_of_podman(t, asker_of):
    """run, killed at its limit, told, and started again"""
    with Podman(t) as podman:
        name = podman.new_name()
        podman.containers.append(name)
        podman.ok("load", "--quiet", "--input", archive(t), timeout=60)
        podman.ok("create", "--name", name, "--memory", MEMORY, "--memory-swap", MEMORY,
                  "--cpus", "0.5", "--network", "none", NAME)
        # Debian 12's conmon writes its note of an OOM kill into the directory that it was
        # started in; podman looks for it in the container's.
        place = podman.ok("inspect", "--format", "{{.StaticDir}}", name)
        podman.ok("start", name, cwd=place)
        web = podman.container(name)
        expect_service(t, asker_of(web.pid), web.pid, MEMORY)
        web.keep_cgroup()
        asker_of(web.pid)(TOO_MUCH)
        t.equal(web.ok("wait"), "137", "status of who was killed")
        t.equal(web.inspect(".State.OOMKilled"), "true", "OOMKilled")
        podman.ok("start", name, cwd=place)
        web = podman.container(name)
        expect_service(t, asker_of(web.pid), web.pid, MEMORY)
        web.ok("stop")
        t.equal(web.inspect(".State.ExitCode"), "0", "status of an orderly end")
        t.contains(web.ok("logs"), "served 1")
        web.remove()


@needs("root", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(90)
def test_podman(t):
    """podman as root: asked in its network namespace"""
    service_of_podman(t, lambda pid: lambda path: ask(path, pid=pid))


@needs("user", "vm", "cmd:podman")
@tag("engine")
@limit(90)
def test_podman_of_a_user(t):
    """podman as an ordinary user: asked in the network namespace that the user owns"""
    def asker_of(pid):
        return lambda path: t.command("nsenter", "-t", pid, "-U", "-n", "--preserve-credentials",
                                      binary(t), "get", path).out
    service_of_podman(t, asker_of)


def runs_again(d):
    """Docker also calls a container running that waits for its restart; but then it has no pid."""
    found = d.inspect("web")
    return found["RestartCount"] == 1 and found["State"]["Pid"]


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
        t.wait_until(lambda: runs_again(d), 20, "the restart")
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
