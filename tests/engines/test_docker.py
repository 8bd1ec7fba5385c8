"""Docker: the program under test as a runtime that dockerd was told of on its command line and
in daemon.json, with both drivers for cgroups."""
import contextlib
import json
import os
import signal

import kernel
from dockerd import Dockerd
from engine import snippet
from harness import limit, needs, tag
from peers import differs
from terminal import CommandTerminal

MIB = 1 << 20
# USR1: want all memory; TERM: end with the status of who wanted it
PAYLOAD = """trap 'tail /dev/zero; status=$?; echo killed' USR1; trap 'exit $status' TERM
echo ready; while :; do sleep 0.1; done"""


@contextlib.contextmanager
def dockerd(t, *options, **how):
    daemon = Dockerd(t, *options, **how)
    try:
        yield daemon
    finally:
        daemon.clean_up()


def shown(t, d, driver, default):
    found = d.get("/info")
    t.equal(found["Runtimes"]["skiff"]["path"], t.binary, "path of the runtime")
    t.equal((found["CgroupDriver"], found["DefaultRuntime"]), (driver, default))


def memory_limit(pid):
    return int(kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max"))


def limits_of(t, pid):
    t.equal(memory_limit(pid), 64 * MIB)
    t.true(kernel.cgroup_value(pid, "cpu", "cpu.cfs_quota_us", "cpu.max")
           in ("50000", "50000 100000"), "cpu quota differs")
    t.equal(kernel.cgroup_value(pid, "pids", "pids.max"), "50")
    t.equal(kernel.cgroup_value(pid, "cpuset", "cpuset.cpus"), "0")


def executed(t, d, pid):
    """exec: streams, status, and a terminal"""
    result = d.docker.try_("exec", "-i", "-w", "/tmp", "-e", "A=b", "one", "sh", "-c",
                           "cat; echo $PWD $A; readlink /proc/self/ns/pid; exit 5",
                           input="typed\n")
    t.equal((result.rc, result.out),
            (5, f"typed\n/tmp b\n{kernel.namespace(pid, 'pid')}\n"))
    on_a_terminal(t, d, "exec", "-it", "one")


def on_a_terminal(t, d, *words):
    """a shell on a terminal: its size, and the command's status"""
    screen = CommandTerminal(t, *d.docker.prefix, *words, "sh", env=d.docker.env)
    screen.type("until stty size | grep '[1-9]'; do sleep 0.1; done\n")
    screen.read_until("24 80", 30)
    screen.type("exit 6\n")
    t.equal(screen.wait(20), 6, f"status of docker {' '.join(words)}")


def looked_at(t, d, pid):
    t.wait_until(lambda: "ready" in d.logs("one"), what="output in docker's log")
    t.contains(d.get("/containers/one/top")["Processes"][0], str(pid), "docker top")
    stats = d.get("/containers/one/stats?stream=false&one-shot=true")
    t.equal(stats["memory_stats"]["limit"], 64 * MIB, "limit in docker stats")
    t.true(stats["pids_stats"]["current"] >= 1, f"docker stats: {stats['pids_stats']}")


def paused(t, d):
    d.post("/containers/one/pause")
    t.equal(d.inspect("one")["State"]["Status"], "paused")
    d.post("/containers/one/unpause")
    t.equal(d.inspect("one")["State"]["Status"], "running")


def updated(t, d, pid):
    limits = {"Memory": 80 * MIB, "MemorySwap": 160 * MIB, "PidsLimit": 60}
    if differs(t, "no update by Docker"):
        t.contains(d.error("POST", "/containers/one/update", limits), "Cannot update container")
        return
    d.post("/containers/one/update", limits)
    t.equal(memory_limit(pid), 80 * MIB)
    t.equal(kernel.cgroup_value(pid, "pids", "pids.max"), "60")


def killed_for_memory(t, d, pid):
    """The kernel kills a process below process 1, of which containerd would see no kill if its
    cgroup went at the same moment."""
    os.kill(pid, signal.SIGUSR1)
    t.wait_until(lambda: "oom" in d.events() and "killed" in d.logs("one"), 20,
                 "the event of the kill")


def stopped(t, d):
    d.post("/containers/one/stop")
    state = d.inspect("one")["State"]
    t.equal((state["ExitCode"], state["OOMKilled"]), (137, True), "state after docker stop")


def start_one(d, *options):
    """a container with limits"""
    d.docker.ok("run", "-d", "--name", "one", "--memory", "64m", "--cpus", "0.5", "--pids-limit",
                "50", "--cpuset-cpus", "0", *options, "box", "sh", "-c", PAYLOAD)
    return d.pid("one")


def one_life(t, d, pid):
    limits_of(t, pid)
    executed(t, d, pid)
    looked_at(t, d, pid)
    paused(t, d)
    updated(t, d, pid)
    killed_for_memory(t, d, pid)
    stopped(t, d)


@needs("root", "memory", "cpu", "pids", "cpuset", "cmd:dockerd", "cmd:docker")
@tag("engine")
@limit(60)
def test_added_runtime(t):
    """--add-runtime, cgroupfs: a container's life, its init, an OOM kill, restarts, events"""
    with dockerd(t, "--add-runtime", f"skiff={t.binary}", "--exec-opt",
                 "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{t.mark}") as d:
        shown(t, d, "cgroupfs", "runc")
        ours = ("--runtime", "skiff")
        d.docker.ok("run", "-d", "--name", "failing", *ours, "--restart", "on-failure:2", "box",
                    "false")
        pid = start_one(d, "--init", *ours)
        t.equal(kernel.argv(pid)[0], "/sbin/docker-init")
        t.contains(kernel.read(f"/proc/{pid}/cgroup"), f"/{t.mark}/")
        one_life(t, d, pid)
        t.wait_until(lambda: d.inspect("failing")["State"]["Status"] == "exited", 20, "its end")
        t.equal(d.inspect("failing")["RestartCount"], 2)
        events = d.events()
        for name in ("create", "start", "exec_start", "exec_die", "pause", "unpause", "oom", "die"):
            t.contains(events, name)
        t.equal("update" in events, not differs(t, "no update by Docker"), "an update's event")


def proven_snippet(t):
    """the daemon.json that users copy, with the path of the program under test"""
    with open(snippet("daemon.json")) as f:
        config = json.load(f)
    config["runtimes"]["skiff"]["path"] = t.binary
    return config


def attempt(t, d, status, rc, *words):
    """a run that cannot be: the status that the container gets, and docker's own"""
    result = d.docker.try_("run", "--name", "wrong", *words)
    found = d.inspect("wrong")
    d.remove("wrong")
    rc = 125 if differs(t, "unknown words") else rc
    t.equal((found["State"]["ExitCode"], result.rc), (status, rc),
            f"{' '.join(words)}: statuses of the container and of docker run")
    for point in set(kernel.cgroup_mounts().values()):
        place = f"{point}/{t.mark}/{found['Id']}"
        if os.path.exists(place):
            t.true(differs(t, "leaves a cgroup"), f"{place} is left")
            os.rmdir(place)


def refused(t, d):
    attempt(t, d, 127, 127, "box", "/no/such")
    attempt(t, d, 127, 127, "box", "nosuch")
    attempt(t, d, 126, 126, "box", "/etc/passwd")
    attempt(t, d, 128, 125, "--ulimit", "nofile=2000000000:2000000000", "box", "true")


def many_options(t, d):
    """what makes docker's config.json bigger"""
    script = "; ".join((
        "id -u", "hostname", "cat /proc/sys/net/ipv4/ip_default_ttl", "cat /v/image.tar | wc -c",
        "touch /v/x 2>/dev/null || echo ro", "touch /x 2>/dev/null || echo ro", "touch /t/x",
        "ulimit -n", "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status | cut -f2",
        "df -k /dev/shm | tail -1 | awk '{print $2}'", "test -c /dev/full2 && echo device"))
    out = d.docker.ok(
        "run", "--rm", "--user", "1234:1234", "--hostname", "other", "--sysctl",
        "net.ipv4.ip_default_ttl=77", "-v", f"{t.dir}:/v:ro", "--read-only", "--tmpfs", "/t",
        "--ulimit", "nofile=333:333", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--shm-size", "8m", "--device", "/dev/full:/dev/full2:r", "--oom-score-adj", "500",
        "--group-add", "77", "--workdir", "/made", "box", "sh", "-c", script)
    size = os.path.getsize(t.path("image.tar"))
    t.equal(out.split(), ["1234", "other", "77", str(size), "ro", "ro", "333",
                          "0000000000000000", "1", "2", "8192", "device"])
    out = d.docker.ok("run", "--rm", "--privileged", "--network", "host", "--pid", "host", "box",
                      "sh", "-c", "readlink /proc/self/ns/pid; readlink /proc/self/ns/net")
    t.equal(out.split(), [kernel.namespace("self", "pid"), kernel.namespace("self", "net")])


@needs("root", "memory", "cmd:dockerd", "cmd:docker")
@tag("engine", "slow")
@limit(60)
def test_default_runtime(t):
    """daemon.json's default runtime: what cannot run is told by docker's statuses, a terminal,
    and many options at once"""
    config = {**proven_snippet(t), "exec-opts": ["native.cgroupdriver=cgroupfs"],
              "cgroup-parent": f"/{t.mark}"}
    with dockerd(t, config=config) as d:
        shown(t, d, "cgroupfs", "skiff")
        refused(t, d)
        on_a_terminal(t, d, "run", "--rm", "-it", "box")
        many_options(t, d)


@needs("root", "systemd", "vm", "cmd:dockerd", "cmd:docker")
@tag("engine")
@limit(60)
def test_systemd(t):
    """daemon.json as users copy it: the life of a container in a scope of systemd"""
    with dockerd(t, config=proven_snippet(t)) as d:
        shown(t, d, "systemd", "skiff")
        pid = start_one(d)
        scope = f"/system.slice/docker-{d.inspect('one')['Id']}.scope"
        t.contains(kernel.read(f"/proc/{pid}/cgroup"), scope)
        one_life(t, d, pid)
        t.wait_until(lambda: not os.path.exists(f"/sys/fs/cgroup{scope}"), what="the scope's end")
        on_a_terminal(t, d, "run", "--rm", "-it", "box")
        attempt(t, d, 127, 127, "box", "/no/such")
