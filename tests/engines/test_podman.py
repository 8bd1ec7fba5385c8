"""Podman, as root and, but for what needs root, without (tests/vm/run -u user).  Each scenario
looks at the kernel's side, and that nothing is left.

With crun and runc in place of skiff all pass, too, on what is noted at the tests."""
import json
import os
import signal

import kernel
from engine import is_skiff
from harness import limit, needs, tag
from peers import differs
from podman import IMAGE, MIB, Podman
from terminal import CommandTerminal


def life(t, manager):
    """the life of one container with limits"""
    os.mkdir(t.path("data"))
    with Podman(t, manager) as podman:
        c = podman.start("--memory", "64m", "--memory-swap", "64m", "--cpus", "0.5",
                         "--pids-limit", "50", "--read-only", "--init",
                         "--volume", f"{t.path('data')}:/data", "--security-opt",
                         "no-new-privileges", IMAGE, "sh", "-c",
                         "echo to stdout; echo to stderr >&2; ! touch /x 2>/dev/null &&"
                         " echo from inside >/data/x; exec sleep 100000")
        t.equal(c.value("memory", "memory.limit_in_bytes", "memory.max"), str(64 * MIB))
        t.equal(c.value("pids", "pids.max"), "50")
        if kernel.cgroup_mounts().get("") == "/sys/fs/cgroup":
            t.equal(c.value("cpu", "cpu.max"), "50000 100000")
            t.equal("libpod-" + c.id + ".scope" in kernel.cgroup_dirs(c.pid)[""],
                    manager == "systemd", "a scope of systemd's")
        status = kernel.status(c.pid)
        t.equal(status["NoNewPrivs"], "1")
        t.equal(status["Seccomp"], "2", "Podman's filter")
        t.contains(kernel.argv(c.pid)[0], "init", "--init's program")

        found = c.exec("sh", "-c", "cat; echo $X; echo oh >&2; exit 7",
                       options=("--interactive", "--env", "X=y"), input="typed\n")
        t.equal((found.rc, found.out, found.err), (7, "typed\ny\n", "oh\n"), "exec")
        logs = podman.try_("logs", c.name)
        t.equal((logs.out, logs.err), ("to stdout\n", "to stderr\n"), "logs")
        t.equal(kernel.read(t.path("data/x")), "from inside\n", "volume")
        stats = json.loads(c.ok("stats", "--no-stream", "--format", "json"))[0]
        t.contains(stats["mem_usage"], " / 67.11MB", "stats")
        t.equal(stats["pids"], "2", "stats")
        c.remove()


@needs("vm", "systemd", "cmd:podman")
@tag("engine", "rootless")
@limit(300)
def test_life_by_systemd(t):
    """run -d with limits, exec, logs, volumes, stats, rm -f"""
    life(t, "systemd")


@needs("root", "memory", "cmd:podman")
@tag("engine")
@limit(300)
def test_life_by_cgroupfs(t):
    """the same with --cgroup-manager=cgroupfs; without root Podman sets no limits then"""
    life(t, "cgroupfs")


@needs("memory", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_changed_while_running(t):
    """pause, unpause, update, top"""
    with Podman(t) as podman:
        c = podman.start("--memory", "64m", IMAGE, "sleep", "100000")
        c.ok("pause")
        t.equal(c.frozen(), True, "after pause")
        t.equal(c.inspect(".State.Status"), "paused")
        c.ok("unpause")
        t.equal(c.frozen(), False, "after unpause")
        podman.ok("update", "--memory", "32m", "--cpus", "0.25", c.name)
        t.equal(c.value("memory", "memory.limit_in_bytes", "memory.max"), str(32 * MIB))
        if "cpu" not in kernel.cgroup_mounts():
            t.equal(c.value("cpu", "cpu.max"), "25000 100000")
        t.contains(c.ok("top"), "sleep 100000")
        c.remove()


@needs("memory", "cmd:podman")
@tag("engine", "rootless")
@limit(300)
def test_out_of_memory(t):
    """The kernel's kill at the memory limit is seen by conmon: 137 and a file "oom".  Podman
    4.3 looks for that in the bundle, conmon writes it where Podman was called, so that
    .State.OOMKilled is false with every runtime; newer ones say where they want it."""
    with Podman(t) as podman:
        c = podman.start("--memory", "16m", "--memory-swap", "16m", IMAGE, "sh", "-c",
                         "trap 'tail /dev/zero; exit $?' USR1; while :; do sleep 0.1; done",
                         cwd=t.dir)
        c.keep_cgroup()
        t.wait_until(lambda: kernel.catches(c.pid, signal.SIGUSR1), 20, "the shell's trap")
        os.kill(c.pid, signal.SIGUSR1)
        t.equal(podman.ok("wait", c.name, timeout=60), "137")
        t.true(os.path.exists(t.path("oom")) or c.inspect(".State.OOMKilled") == "true",
               "nothing tells of the kernel's kill")
        c.remove()


@needs("cmd:podman")
@tag("engine")
@limit(300)
def test_failures(t):
    """statuses that scripts rely on: 126 cannot be executed, 127 is not there"""
    with Podman(t, "cgroupfs") as podman:
        for program, status in (("/etc/passwd", 126), ("nowhere", 127)):
            t.note(program)
            result = podman.once("--log-driver", "none", IMAGE, program)
            t.equal(result.rc, status)
            t.equal(len(result.err.splitlines()), 1, "lines of the message")
            if is_skiff(t):
                # Asked for JSON, as containers.conf has it: otherwise "skiff: skiff: ..".
                t.true(result.err.startswith("Error: skiff: process.args[0]: exec: "),
                       f"a message in JSON: {result.err}")
        t.note("exit")
        result = podman.once(IMAGE, "sh", "-c", "exit 3")
        t.equal(result.rc, 3)
        podman.must_be_gone(result.id)


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_failures_of_exec(t):
    """the same statuses, of exec"""
    with Podman(t, "cgroupfs") as podman:
        c = podman.start(IMAGE, "sleep", "100000")
        for program, status in (("/etc", 126), ("/etc/passwd", 126), ("/nowhere", 127),
                                ("nowhere", 127)):
            t.note(program)
            t.equal(c.exec(program).rc, status)
        t.note("directory")
        t.equal(c.exec("true", options=("--workdir", "/nowhere")).rc, 127)
        c.remove()


@needs("cmd:podman")
@tag("engine")
@limit(300)
def test_terminal(t):
    """run -it: a terminal of the size of ours, which follows it, and the status"""
    with Podman(t, "cgroupfs") as podman:
        screen = CommandTerminal(t, *podman.prefix, "run", "-it", "--rm", "--network", "none",
                                 IMAGE, "sh", rows=33, columns=99, env=podman.env)
        screen.type("stty size; tty\n")
        screen.read_until("/dev/pts/0", 30)
        t.contains(screen.text, "33 99")
        screen.resize(44, 111)
        screen.type("until stty size | grep '44 111'; do sleep 0.1; done; exit $((2 + 3))\n")
        screen.read_until("\n44 111", 30)
        t.equal(screen.wait(30), 5)


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_exec_terminal(t):
    """exec -it"""
    with Podman(t, "cgroupfs") as podman:
        c = podman.start(IMAGE, "sleep", "100000")
        screen = CommandTerminal(t, *podman.prefix, "exec", "-it", c.name, "sh", rows=33,
                                 columns=99, env=podman.env)
        screen.type("stty size; exit 5\n")
        screen.read_until("33 99", 30)
        t.equal(screen.wait(30), 5)
        c.remove()


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_without_cgroup(t):
    """--cgroups=disabled: the container stays in its caller's cgroup.  Podman allows it only
    to runtimes that containers.conf names."""
    with Podman(t, "cgroupfs") as podman:
        if differs(t, "needs a cgroup"):
            t.contains(podman.once("--cgroups", "disabled", IMAGE, "true").err,
                       "is not compatible with NoCgroups")
            return
        c = podman.start("--cgroups", "disabled", IMAGE, "sleep", "100000")
        conmon = int(c.inspect(".State.ConmonPid"))
        t.equal(kernel.cgroup_dirs(c.pid), kernel.cgroup_dirs(conmon))
        t.equal(podman.cgroups(c.id), [])
        c.remove()


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_security_options(t):
    """--security-opt: a seccomp profile of one's own, none, no labels"""
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
    with open(t.path("profile.json"), "w") as f:
        json.dump(profile, f)
    with Podman(t, "cgroupfs") as podman:
        result = podman.once("--security-opt", f"seccomp={t.path('profile.json')}", IMAGE,
                             "mkdir", "/tmp/x")
        t.contains(result.err, "Operation not supported")
        result = podman.once("--security-opt", "seccomp=unconfined", "--security-opt",
                             "label=disable", "--cap-drop", "all", IMAGE, "grep", "-E",
                             "^(Seccomp|CapEff):", "/proc/self/status")
        t.equal(result.out.split(), ["CapEff:", "0000000000000000", "Seccomp:", "0"])


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_restart(t):
    """stop by a signal of one's choice, start again, kill"""
    with Podman(t, "cgroupfs") as podman:
        c = podman.start("--stop-signal", "USR1", IMAGE, "sh", "-c",
                         "trap 'exit 9' USR1; while :; do sleep 0.1; done")
        podman.ok("stop", "--time", "60", c.name, timeout=60)
        t.equal(c.inspect(".State.ExitCode"), "9")
        t.equal(podman.cgroups(c.id), [])
        c.ok("start")
        t.equal(c.inspect(".State.Status"), "running")
        podman.ok("kill", "--signal", "KILL", c.name)
        t.equal(podman.ok("wait", c.name), "137")
        c.remove()


@needs("root", "vm", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_own_user_namespace(t):
    """--userns=auto: ids that nobody else has; a volume is idmapped, files stay root's"""
    with Podman(t) as podman:
        os.mkdir(t.path("data"))
        c = podman.start("--userns", "auto", "--volume", f"{t.path('data')}:/data:idmap",
                         IMAGE, "sh", "-c", "touch /data/x /tmp/x; exec sleep 100000")
        inside, outside, size = kernel.id_map(c.pid)[0]
        t.equal((inside, outside >= 1000000, size >= 1024), (0, True, True), "map")
        t.equal(kernel.status(c.pid)["Uid"].split()[0], str(outside))
        t.wait_until(lambda: os.path.exists(t.path("data/x")))
        t.equal(os.stat(t.path("data/x")).st_uid, 0, "owner on an idmapped volume")
        t.equal(c.exec("stat", "-c", "%u", "/data/x", "/tmp/x", "/bin/busybox").out.split(),
                ["0"] * 3)
        c.remove()
