"""linux.seccomp with SCMP_ACT_NOTIFY: the listener reaches the agent, and the agent's answers
reach the payload."""
import os
import platform
import socket

import inside
import kernel
from agent import Agent
from harness import needs
from test_seccomp import MKDIR, profile

NUMBERS = {"x86_64": (83, 258, 59), "aarch64": (-1, 34, 221)}.get(platform.machine(), (-1, -1, -1))
MKDIR_NUMBERS, EXECVE = NUMBERS[:2], NUMBERS[2]
NOTIFY = (MKDIR, "SCMP_ACT_NOTIFY", {})


def watched(t, path, *rules, nnp=True, **more):
    config = profile(t.config(), *(rules or (NOTIFY,)), listenerPath=path, **more)
    config["process"]["noNewPrivileges"] = nnp
    return config


@needs("root")
def test_run(t):
    """the agent decides what mkdir gives, with and without noNewPrivileges; it is told the
    process, the container and the metadata in one message"""
    path = t.path("agent")
    for nnp in (True, False):
        with Agent(path, lambda *_: 95) as agent:
            config = watched(t, path, nnp=nnp, listenerMetadata='{"any": "text/\u00e4"}')
            config["annotations"] = {"org.example/key": "value"}
            result = t.sh("mkdir /mnt/x; ls /mnt; echo $$ >&2", config)
            t.equal(agent.faults, [])
            t.contains(result.err, "not supported")
            t.equal(result.out, "", "directories")
            t.equal([call[0] in MKDIR_NUMBERS for call in agent.calls], [True])
            state, = agent.states()
            t.equal(set(state), {"ociVersion", "fds", "pid", "metadata", "state"})
            t.equal((state["fds"], state["metadata"]), (["seccompFd"], '{"any": "text/\u00e4"}'))
            inner = state["state"]
            t.equal((inner["id"], inner["pid"], inner["annotations"], inner["status"]),
                    (t.ids[-1], state["pid"], config["annotations"], "creating"))
            t.true(state["pid"] > 1 and inner["bundle"].startswith(t.dir), f"state {state}")


@needs("root")
def test_answers(t):
    """the agent may answer with an error or a value, or let the kernel go on"""
    path = t.path("agent")
    for said, out in ((17, ""), (("value", 0), "done\n"), (None, "done\nx\n")):
        with Agent(path, lambda *_, said=said: said) as agent:
            result = t.sh("mkdir /mnt/x && echo done; ls /mnt", watched(t, path))
            t.equal((result.out, len(agent.calls), agent.faults), (out, 1, []), f"answer {said}")


@needs("root")
def test_create(t):
    """create hands the listener over, and its pid is the payload's; the agent's messages are
    about that process"""
    path = t.path("agent")
    for nnp in (True, False):
        with Agent(path, lambda *_: 95) as agent:
            config = watched(t, path, nnp=nnp)
            config["process"]["args"] = ["/bin/sh", "-c", "mkdir /mnt/x 2>/mnt/said; sleep 1000"]
            c = t.create(config)
            state, = agent.states()
            t.equal((state["pid"], state["state"]["pid"], state["state"]["id"]),
                    (c.pid, c.pid, c.id))
            t.equal(agent.calls, [])
            c.start()
            t.wait_until(lambda: agent.calls, what="the question")
            t.true(agent.calls[0][0] in MKDIR_NUMBERS, f"asked about {agent.calls}")
            said = inside.root_path(c.pid, "/mnt/said")
            t.wait_until(lambda: "not supported" in kernel.read(said), what="the answer")
            t.equal(agent.faults, [])


@needs("root")
def test_exec(t):
    """each process of exec has a listener of its own, told with its pid and the container's"""
    path = t.path("agent")
    for nnp in (True, False):
        with Agent(path, lambda *_: 95) as agent:
            c = t.sleeper(watched(t, path, nnp=nnp))
            pid_file = t.path("exec.pid")
            t.ok("exec", "--detach", "--pid-file", pid_file, c.id, "/bin/sh", "-c",
                 "mkdir /mnt/x 2>/mnt/said; sleep 1000")
            pid = int(kernel.read(pid_file))
            said = inside.root_path(c.pid, "/mnt/said")
            t.wait_until(lambda: os.path.exists(said) and "not supported" in kernel.read(said),
                         what="the answer")
            first, second = agent.states(2)
            t.equal((first["pid"], second["pid"]), (c.pid, pid), f"noNewPrivileges {nnp}")
            t.equal((second["state"]["pid"], second["state"]["status"]), (c.pid, "running"))
            t.equal(agent.faults, [])


@needs("root")
def test_execve_can_be_asked_for(t):
    """the agent may be asked about the very exec of the program"""
    if EXECVE < 0:
        t.skip("the number of execve is not known here")
    path = t.path("agent")
    for answer, rc in ((None, 0), (13, 1)):
        with Agent(path, lambda *_, answer=answer: answer) as agent:
            result = t.sh("echo ran", watched(t, path, (["execve"], "SCMP_ACT_NOTIFY", {})))
            t.equal((result.rc, result.out), (rc, "" if rc else "ran\n"))
            t.equal((agent.calls[0][0], agent.calls[0][2]), (EXECVE, agent.states()[0]["pid"]))
            if rc:
                t.contains(result.err, "permission denied")


@needs("root")
def test_start_container_hook(t):
    """a startContainer hook is filtered like the payload, with a listener of its own"""
    path = t.path("agent")
    with Agent(path, lambda *_: 95) as agent:
        config = watched(t, path)
        config["process"]["args"] = ["/bin/true"]
        config["hooks"] = {"startContainer": [
            {"path": "/bin/sh", "args": ["sh", "-c", "mkdir /mnt/x; exit 1"]}]}
        t.fails(t.run(config), "hooks.startContainer[0]", "not supported", rc=1)
        t.equal(agent.faults, [])


@needs("root")
def test_receiver_annotation(t):
    """run.oci.seccomp.receiver names the agent's socket where listenerPath does not"""
    path = t.path("agent")
    with Agent(path, lambda *_: 95) as agent:
        config = watched(t, path)
        del config["linux"]["seccomp"]["listenerPath"]
        config["annotations"] = {"run.oci.seccomp.receiver": path}
        t.contains(t.sh("mkdir /mnt/x", config).err, "not supported")
        t.equal(len(agent.messages), 1)


@needs("root")
def test_nobody_listens(t):
    """without an agent nothing is made, and the message names the socket"""
    path = t.path("agent")
    for command in ("create", "run"):
        result = t.skiff(command, "--bundle", t.bundle(watched(t, path)), t.new_id())
        t.fails(result, "linux.seccomp.listenerPath", path, "No such file", rc=1)
        t.true(not os.path.exists(f"{t.root}/{t.ids[-1]}"), "state is left")
    with Agent(path, lambda *_: None):
        c = t.sleeper(watched(t, path))
    t.fails(c.exec("/bin/true"), "linux.seccomp.listenerPath", rc=255)
    t.true(kernel.is_alive(c.pid), "the container")


@needs("root")
def test_agent_hangs(t):
    """an agent that never accepts ends the command in bounded time"""
    path = t.path("agent")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
        sock.listen(0)
        others = []
        for _ in range(4):  # fill the queue
            other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            other.setblocking(False)
            try:
                other.connect(path)
            except BlockingIOError:
                break
            others.append(other)
        result = t.skiff("create", "--bundle", t.bundle(watched(t, path)), t.new_id(),
                         timeout=20)
        t.fails(result, "linux.seccomp.listenerPath", path, "nobody has accepted", rc=1)
        t.true(not os.path.exists(f"{t.root}/{t.ids[-1]}"), "state is left")


@needs("root")
def test_agent_that_went_away(t):
    """when the agent is gone the calls it was to answer fail with ENOSYS, and nothing hangs"""
    path = t.path("agent")
    with Agent(path, lambda *_: 0):
        c = t.create(watched(t, path, (MKDIR, "SCMP_ACT_NOTIFY", {})))
    c.start()
    config = watched(t, path)
    config["process"]["args"] = ["/bin/sh", "-c",
                                 "sleep 1; mkdir /mnt/x 2>/mnt/said; sleep 1000"]
    with Agent(path, lambda *_: 0):
        c = t.background(config)
    said = inside.root_path(c.pid, "/mnt/said")
    t.wait_until(lambda: os.path.exists(said) and "not implemented" in kernel.read(said),
                 what="the error")


@needs("root")
def test_refused(t):
    """what cannot be handed over is refused: as the default, for write, for the calls that init
    makes before the agent knows of the process, and a listener that is nowhere"""
    path = t.path("agent")
    with Agent(path, lambda *_: None) as agent:
        cases = (
            (watched(t, path, (["write"], "SCMP_ACT_NOTIFY", {})), "linux.seccomp.syscalls[0]"),
            (watched(t, path, default="SCMP_ACT_NOTIFY"), "linux.seccomp.defaultAction"),
            (watched(t, None), "linux.seccomp.listenerPath"),
            (watched(t, "relative"), "linux.seccomp.listenerPath"),
            (watched(t, path, (["setgroups"], "SCMP_ACT_NOTIFY", {}), nnp=False),
             "noNewPrivileges"),
            (profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {}), listenerMetadata="x"),
             "linux.seccomp.listenerMetadata"),
        )
        for config, words in cases:
            if config["linux"]["seccomp"].get("listenerPath", 1) is None:
                del config["linux"]["seccomp"]["listenerPath"]
            t.fails(t.run(config), words, rc=1)
        c = t.sleeper(watched(t, path, (["clone"], "SCMP_ACT_NOTIFY", {}), nnp=False))
        t.fails(c.exec("/bin/true"), "clone", "linux.seccomp", rc=255)
        t.equal(agent.faults, [])


@needs("root")
def test_wait_killable(t):
    """SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: a signal that the process handles does not take
    the question back once the agent has it; without SCMP_ACT_NOTIFY the flag is refused"""
    flag = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    path = t.path("agent")
    release = os.pipe()
    try:
        with Agent(path, lambda *_: os.read(release[0], 1) and 95) as agent:
            config = watched(t, path, flags=flag)
            config["process"]["args"] = ["/bin/sh", "-c",
                                         "trap 'echo caught >/mnt/caught' USR1; "
                                         "exec 2>/mnt/said; mkdir /mnt/x; mkdir /mnt/x; sleep 1000"]
            c = t.background(config)
            t.wait_until(lambda: agent.calls, what="the question")
            asked = agent.calls[0][2]
            os.kill(asked, 10)
            t.equal(len(agent.calls), 1)
            os.write(release[1], b"xx")
            t.wait_until(lambda: len(agent.calls) == 2, what="the second question")
            t.equal(agent.faults, [])
    finally:
        os.close(release[0])
        os.close(release[1])
    t.fails(t.run(profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {}), flags=flag)),
            "linux.seccomp.flags[0]", rc=1)
