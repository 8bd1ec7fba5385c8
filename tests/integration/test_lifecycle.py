"""create, start, state, kill, delete: what the specification's operations do."""
import datetime
import os
import re
import signal
import subprocess

import inside
import kernel
from harness import needs

RFC3339 = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
CATCHER = ("for s in HUP USR1 USR2 TERM WINCH; do trap \"echo $s >>/mnt/log\" $s; done\n"
           "echo ready >>/mnt/log\nwhile :; do sleep 0.02; done")


def catcher(t):
    """a running container that writes each signal it gets; and the file it writes to"""
    config = t.config("/bin/sh", "-c", CATCHER)
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the payload's traps")
    return c, log


@needs("root")
def test_states(t):
    """status and pid of a container follow it from create to delete"""
    c = t.create(t.config("/bin/sleep", "100000"))
    t.equal((c.state()["status"], c.state()["pid"]), ("created", c.pid))
    c.start()
    t.equal((c.state()["status"], c.state()["pid"]), ("running", c.pid))
    t.wait_until(lambda: kernel.argv(c.pid) == ["/bin/sleep", "100000"], what="the payload")
    c.kill()
    c.wait_stopped()
    t.equal((c.state()["status"], c.state().get("pid", 0)), ("stopped", 0))
    c.delete()
    t.fails(t.skiff("state", c.id), "does not exist", rc=1)


@needs("root")
def test_state_shape(t):
    """state is the specification's JSON: the fields that engines read, with their types"""
    config = t.config()
    config["annotations"] = {"org.example.key": "a \"value\"/\u00e9", "empty": ""}
    begin = datetime.datetime.now(datetime.timezone.utc)
    c = t.create(config)
    state = c.state()
    t.true(re.fullmatch(r"1\.\d+\.\d+(-.*)?", state["ociVersion"]), "ociVersion")
    t.equal(state["id"], c.id)
    t.equal(state["bundle"], c.bundle)
    t.equal(state["rootfs"], t.shared_rootfs)
    t.equal(state["annotations"], config["annotations"])
    t.equal(state["owner"], "root")
    stamp = re.fullmatch(RFC3339, state["created"])
    t.true(stamp, f"created is no RFC 3339 time: {state['created']!r}")
    created = datetime.datetime.fromisoformat(stamp[1] + stamp[3].replace("Z", "+00:00"))
    age = (created - begin).total_seconds()
    t.true(-2 < age < 600, f"created is {age} s off")


@needs("root")
def test_created_waits(t):
    """a created container is isolated, and init is neither the payload nor skiff's own file"""
    config = t.config("/bin/sh", "-c", "echo ran >/mnt/ran; sleep 100000")
    shared = inside.share(t, config)
    c = t.create(config)
    t.equal(kernel.own_namespaces(c.pid) & {"pid", "net", "ipc", "uts", "mnt"},
            {"pid", "net", "ipc", "uts", "mnt"})
    exe = os.stat(f"/proc/{c.pid}/exe")
    for what, path in (("the payload", f"{t.shared_rootfs}/bin/busybox"), ("skiff", t.binary)):
        known = os.stat(path)
        t.true((exe.st_dev, exe.st_ino) != (known.st_dev, known.st_ino), f"init's exe is {what}")
    t.true(not os.path.exists(shared + "/ran"), "the payload ran before start")
    c.start()
    t.wait_until(lambda: inside.lines(shared + "/ran") == ["ran"], what="the payload")


@needs("root")
def test_created_is_small(t):
    """init of a created container has at most 100 KB in memory"""
    c = t.create()
    rss = re.search(r"Rss: +(\d+) kB", kernel.read(f"/proc/{c.pid}/smaps_rollup"))
    t.true(int(rss[1]) <= 100, f"{rss[1]} KB")


@needs("root")
def test_pid_file(t):
    """the pid file holds init's pid and nothing else; a relative name is the caller's"""
    path = t.bundle(t.config("/bin/sleep", "100000"))
    t.ok("create", "--bundle", path, "--pid-file", "here.pid", ident := t.new_id(), cwd=t.dir)
    text = kernel.read(t.path("here.pid"))
    t.true(re.fullmatch(r"\d+", text), f"pid file has {text!r}")
    t.equal(kernel.status(text)["NSpid"].split()[1:], ["1"], "pid inside")
    t.equal(t.ok("state", ident).json()["pid"], int(text))


@needs("root")
def test_bundle_is_working_directory(t):
    """without --bundle the working directory is the bundle"""
    path = t.bundle()
    t.ok("create", ident := t.new_id(), cwd=path)
    t.equal(t.ok("state", ident).json()["bundle"], path)


@needs("root")
def test_start_twice(t):
    """only a created container can be started"""
    config = t.config("/bin/sh", "-c", "echo ran >>/mnt/ran; sleep 100000")
    shared = inside.share(t, config)
    c = t.create(config)
    c.start()
    t.wait_until(lambda: inside.lines(shared + "/ran"), what="the payload")
    t.fails(t.skiff("start", c.id), rc=1)
    t.true(kernel.is_alive(c.pid), "the second start ended the container")
    c.kill()
    c.wait_stopped()
    t.fails(t.skiff("start", c.id), rc=1)
    t.equal(inside.lines(shared + "/ran"), ["ran"], "runs of the payload")


@needs("root")
def test_start_reports_failing_exec(t):
    """start of a program that the kernel refuses fails and names it"""
    rootfs = t.rootfs()
    with open(rootfs + "/bin/broken", "wb") as f:
        f.write(b"\x7fELF and nothing more")
    os.chmod(rootfs + "/bin/broken", 0o755)
    c = t.create(t.config("/bin/broken"), rootfs=rootfs)
    t.fails(t.skiff("start", c.id), "/bin/broken", "xec format error", rc=1)
    c.wait_stopped()
    t.equal(c.state()["status"], "stopped")


@needs("root")
def test_ids_malformed(t):
    """ids that could leave the state directory or confuse a shell are refused"""
    path = t.bundle()
    for ident in ("", ".", "..", "../x", "a/b", "/a", "a b", "a\tb", "a\nb", ".hidden", "\u00e9",
                  "a*", "a$b", "x" * 2000):
        t.fails(t.skiff("create", "--bundle", path, ident), rc=1)
        t.fails(t.skiff("state", ident), rc=1)
        t.fails(t.skiff("delete", "--force", ident), rc=1)
    t.equal(os.listdir(t.root), [], "state directory")


@needs("root")
def test_ids_well_formed(t):
    """an id may have letters, digits, and _ + - . inside"""
    for extra in ("_", "+", "-", ".", "A.b_c-d+0"):
        t.ids.append(ident := t.mark + extra)
        t.ok("create", "--bundle", t.bundle(), ident)
        t.equal(t.ok("state", ident).json()["id"], ident)


@needs("root")
def test_id_taken(t):
    """a taken id is refused, whatever the state of its owner, who is not disturbed"""
    c = t.create(t.config("/bin/sleep", "100000"))
    for command in ("create", "run"):
        t.fails(t.skiff(command, "--bundle", t.bundle(), c.id), "exist", rc=1)
    t.equal((c.state()["status"], c.state()["pid"]), ("created", c.pid))
    c.start()
    t.fails(t.skiff("create", "--bundle", t.bundle(), c.id), "exist", rc=1)
    t.true(kernel.is_alive(c.pid), "the owner died")
    c.kill()
    c.wait_stopped()
    t.fails(t.skiff("create", "--bundle", t.bundle(), c.id), "exist", rc=1)


@needs("root")
def test_unknown_id(t):
    """every operation on an unknown id fails with the words that engines look for"""
    for args in (["state", "none"], ["start", "none"], ["kill", "none"], ["delete", "none"]):
        t.fails(t.skiff(*args), "does not exist", rc=1)


@needs("root")
def test_kill_spellings(t):
    """a signal may be a name with or without SIG, in small letters, or a number; TERM is
    the default"""
    c, log = catcher(t)
    expected = ["ready"]
    for given, name in (("USR1", "USR1"), ("SIGUSR2", "USR2"), ("hup", "HUP"), ("sigusr1", "USR1"),
                        (str(int(signal.SIGUSR2)), "USR2"), (None, "TERM")):
        t.ok("kill", c.id, *[given] if given else [])
        expected.append(name)
        t.wait_until(lambda: len(inside.lines(log)) >= len(expected), what=f"{given}")
        t.equal(inside.lines(log), expected)


@needs("root")
def test_kill_unknown_signal(t):
    """an unknown signal is refused and none is sent"""
    c, log = catcher(t)
    for name in ("NOSUCH", "SIG", "", "65", "99999999999", "-1", "9x", "USR1 "):
        t.fails(t.skiff("kill", c.id, name), rc=1)
    t.true(kernel.is_alive(c.pid), "the container died")
    c.kill("USR1")
    t.wait_until(lambda: len(inside.lines(log)) >= 2, what="USR1")
    t.equal(inside.lines(log), ["ready", "USR1"])


@needs("root")
def test_kill_created(t):
    """a created container can be killed; it is stopped then"""
    c = t.create()
    c.kill()
    c.wait_stopped()
    t.equal(c.state()["status"], "stopped")


@needs("root")
def test_kill_stopped(t):
    """kill of a stopped container says so in the words that engines look for"""
    c = t.background()
    c.wait_stopped()
    t.fails(t.skiff("kill", c.id, "KILL"), "container not running", rc=1)


@needs("root")
def test_kill_all(t):
    """kill reaches init alone, kill --all every process, even after init"""
    config = t.config("/bin/sh", "-c", "sleep 100000 & echo $! >/mnt/child; wait")
    config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"]
                                     if ns["type"] != "pid"]
    shared = inside.share(t, config)
    c = t.background(config)
    child = t.wait_until(lambda: inside.lines(shared + "/child"), what="the child")[0]
    c.kill("TERM")
    c.wait_stopped()
    t.true(kernel.is_alive(child), "kill without --all killed the child")
    t.ok("kill", "--all", c.id, "KILL")
    t.wait_until(lambda: not kernel.is_alive(child), what="the child's end")
    t.ok("kill", "--all", c.id, "KILL")


@needs("root")
def test_kill_regex(t):
    """kill --regex reaches every container whose id matches, and no other"""
    some, other = [t.sleeper() for _ in range(2)], t.sleeper()
    pattern = f"^{t.mark}-({'|'.join(c.id.rpartition('-')[2] for c in some)})$"
    t.ok("kill", "--regex", pattern, "KILL")
    for c in some:
        c.wait_stopped()
    t.true(kernel.is_alive(other.pid), "another one died")
    t.ok("kill", "-r", "no-such-id", "KILL")
    t.ok("kill", "--all", "-r", some[0].id, "KILL")
    t.fails(t.skiff("kill", "-r", "(", "KILL"), "--regex", rc=1)
    t.contains(t.ok("kill", "-r", "^nobody$", "KILL").err, 'no container\'s id matches "^nobody$"')
    result = t.skiff("kill", "-r", t.mark, "KILL")
    t.equal(result.rc, 1, "exit status with two stopped ones")
    t.equal(result.err.count("container not running"), 2, "messages")
    other.wait_stopped()


@needs("root")
def test_without_a_program(t):
    """a container can be created without a process or its arguments; start says so, run refuses"""
    for drop in ("process", "args", "empty"):
        config = t.config()
        if drop == "process":
            del config["process"]
        elif drop == "args":
            del config["process"]["args"]
        else:
            config["process"]["args"] = []
        c = t.create(config)
        t.equal(c.state()["status"], "created", drop)
        t.equal(kernel.own_namespaces(c.pid), {"pid", "net", "ipc", "uts", "mnt"})
        t.fails(t.skiff("start", c.id), "nothing to start", "process.args", rc=1)
        c.wait_stopped()
        c.delete()
        t.fails(t.run(config), "process", "missing", rc=1)
        t.true(not os.path.exists(f"{t.root}/{t.ids[-1]}"), "state is left")


@needs("root")
def test_starts_at_once(t):
    """of several starts at the same time one starts the container, the others are refused"""
    config = t.config("/bin/sh", "-c", "echo ran >>/mnt/ran; sleep 1000")
    shared = inside.share(t, config)
    c = t.create(config)
    starts = [t.spawn(t.binary, "--root", t.root, "start", c.id, stderr=subprocess.DEVNULL)
              for _ in range(8)]
    t.equal(sorted(start.wait(10) for start in starts), [0] + [1] * 7)
    t.wait_until(lambda: inside.lines(shared + "/ran"), what="the payload")
    t.equal((inside.lines(shared + "/ran"), c.state()["status"]), (["ran"], "running"))
