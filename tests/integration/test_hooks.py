"""hooks: six kinds, when and where they run, what they are told, what their failure means."""
import json
import os

import inside
import kernel
from harness import needs

HOST = ("prestart", "createRuntime", "poststart", "poststop")
KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(path, *args, **more):
    return {"path": path, "args": [path, *args], **more}


def hooked(t, script, *kinds, args=("/bin/sleep", "100000"), **more):
    """A config whose hooks of these kinds (all) run the script with the kind as $1; /mnt is shared
    with the test, which sees it at t.path("share-N"): (config, that path).  $2 is the shared
    directory where the hook is."""
    config = t.config(*args)
    shared = inside.share(t, config)
    inside.script(shared + "/hook", script)
    config["hooks"] = {}
    for kind in kinds or KINDS:
        where = "/mnt" if kind == "startContainer" else shared
        config["hooks"][kind] = [hook(where + "/hook", kind, where, **more)]
    return config, shared


@needs("root")
def test_order(t):
    """each kind runs once, at its point: before create returns, at start, after delete"""
    config, shared = hooked(t, 'echo $1 >>$2/log\n',
                            args=("/bin/sh", "-c", "echo payload >>/mnt/log; sleep 100000"))
    log = shared + "/log"
    c = t.create(config)
    t.equal(inside.lines(log), ["prestart", "createRuntime", "createContainer"])
    c.start()
    t.wait_until(lambda: len(inside.lines(log)) >= 6, what="the payload")
    found = inside.lines(log)
    t.equal((found[3], sorted(found[4:])), ("startContainer", ["payload", "poststart"]))
    c.kill()
    c.wait_stopped()
    t.equal(inside.lines(log), found, "after the payload's end")
    c.delete()
    t.equal(inside.lines(log), found + ["poststop"])


@needs("root")
def test_several_of_a_kind(t):
    """hooks of a kind run one after the other, in the order of the list"""
    config, shared = hooked(t, "sleep 0.0$2; echo $2 >>$1/log\n")
    config["hooks"] = {"createRuntime": [hook(shared + "/hook", shared, str(n))
                                         for n in (9, 5, 1)]}
    t.create(config)
    t.equal(inside.lines(shared + "/log"), ["9", "5", "1"])


@needs("root")
def test_run(t):
    """run in the foreground runs all of them, the payload between"""
    config, shared = hooked(t, 'echo $1 >>$2/log\n', args=("/bin/true",))
    t.equal(t.run(config).rc, 0)
    t.equal(inside.lines(shared + "/log"), list(KINDS))


@needs("root")
def test_namespaces(t):
    """createContainer and startContainer run in the container's namespaces, all others in the
    host's"""
    names = ("mnt", "net", "uts", "ipc")
    config, shared = hooked(t, "for n in " + " ".join(names) + "; do readlink /proc/self/ns/$n; "
                            "done >$2/$1\n", args=("/bin/sleep", "100000"))
    config["hooks"]["startContainer"][0]["args"][0] = "/mnt/hook"
    c = t.create(config)
    inner = [kernel.namespace(c.pid, name) for name in names]
    outer = [kernel.namespace("self", name) for name in names]
    c.start()
    c.delete("--force")
    for kind in KINDS:
        t.equal(inside.lines(f"{shared}/{kind}"), outer if kind in HOST else inner, kind)


@needs("root")
def test_root_directory(t):
    """createContainer still sees the host's files, startContainer the container's root"""
    config, shared = hooked(t, 'ls -d /mnt/hook "$2/hook" >$2/$1 2>/dev/null; [ -e '
                            f'{t.dir} ] && echo host >>$2/$1; true\n', "createContainer",
                            "startContainer")
    t.create(config).start()
    t.equal(inside.lines(shared + "/createContainer"), [f"{shared}/hook", "host"])
    t.equal(inside.lines(shared + "/startContainer"), ["/mnt/hook", "/mnt/hook"])


@needs("root")
def test_mounts_of_create_container(t):
    """a mount made by createContainer below the root file system is in the container"""
    rootfs = t.rootfs()
    config, _ = hooked(t, f"mount -t tmpfs hooked {rootfs}/home\n", "createContainer")
    c = t.create(config, rootfs=rootfs)
    found = kernel.mount_at(c.pid, "/home")
    t.equal(found and found.source, "hooked")
    t.equal(kernel.mount_at("self", rootfs + "/home"), None, "the host's mount")


@needs("root")
def test_state_on_stdin(t):
    """each hook reads the container's state, with the status and pid of its moment"""
    config, shared = hooked(t, 'cat >$2/$1\n')
    config["annotations"] = {"org.example/key": "value/with \"quotes\" \u00e4"}
    c = t.create(config)
    c.start()
    c.kill()
    c.wait_stopped()
    c.delete()
    for kind, status in zip(KINDS, ("creating", "creating", "creating", "created", "running",
                                    "stopped")):
        text = kernel.read(f"{shared}/{kind}")
        state = json.loads(text)
        t.equal((state["id"], state["status"], state["bundle"], state["annotations"]),
                (c.id, status, c.bundle, config["annotations"]), kind)
        t.true(state["ociVersion"].startswith("1."), "ociVersion")
        t.true("\\/" not in text, f"{kind}: escaped slashes")
        t.equal(state.get("pid", 0), c.pid if kind in HOST[:3] else 0 if kind == "poststop"
                else state["pid"], f"{kind}: pid")


@needs("root")
def test_environment(t):
    """a hook has the environment of its entry, nothing of the caller's"""
    script = "exec cat /proc/self/environ >$2/$1\n"
    config, shared = hooked(t, script, "createRuntime", "poststop",
                            env=["A=1", "PATH=/usr/bin:/bin"])
    config["hooks"]["createContainer"] = [hook(shared + "/hook", "none", shared)]
    path, ident = t.bundle(config), t.new_id()
    t.ok("create", "--bundle", path, ident, env={"SECRET": "x"})
    t.ok("delete", "--force", ident, env={"SECRET": "x"})
    for kind, expected in (("createRuntime", ["A=1", "PATH=/usr/bin:/bin"]), ("none", []),
                           ("poststop", ["A=1", "PATH=/usr/bin:/bin"])):
        found = kernel.read(f"{shared}/{kind}").split("\0")[:-1]
        shells = ("PWD=", "OLDPWD=", "SHLVL=", "_=")
        t.equal([entry for entry in found if not entry.startswith(shells)], expected, kind)


@needs("root")
def test_arguments(t):
    """args are the hook's arguments, the first one its name; without args it is the path"""
    config, shared = hooked(t, "tr '\\0' '|' </proc/$$/cmdline >>$(dirname $0)/log\n",
                            "createRuntime")
    path = shared + "/hook"
    config["hooks"] = {"createRuntime": [{"path": path, "args": ["name", "a b", "", "c"]},
                                         {"path": path}]}
    t.create(config)
    t.equal(kernel.read(shared + "/log"), f"/bin/sh|{path}|a b||c|/bin/sh|{path}|")


@needs("root")
def test_descriptors(t):
    """a hook gets no descriptors but the standard ones"""
    config, shared = hooked(t, "exec ls /proc/self/fd >$2/$1\n", "createRuntime",
                            "createContainer", "startContainer", "poststart")
    t.create(config).start()
    for kind in config["hooks"]:
        found = inside.lines(f"{shared}/{kind}")
        t.equal(sorted(set(found) - {"10"}), ["0", "1", "2", "3"], f"{kind}; 3 is ls's, 10 the "
                "script's, which busybox leaves open")


@needs("root")
def test_failure(t):
    """a hook of create that fails ends create: which one, its status and its words are told,
    and nothing is left"""
    for kind in ("prestart", "createRuntime", "createContainer"):
        config, shared = hooked(t, "echo the reason >&2; exit 7\n", kind)
        result = t.skiff("create", "--bundle", t.bundle(config), ident := t.new_id())
        t.fails(result, f"hooks.{kind}[0]", "the reason", "status 7", rc=1)
        t.equal(os.path.exists(f"{t.root}/{ident}"), False, "state")
        t.equal(os.listdir(shared), ["hook"])


@needs("root")
def test_failure_ends_the_list(t):
    """after a failing hook no further one of its kind runs, and no later kind but poststop"""
    config, shared = hooked(t, 'echo $1 >>$2/log\n')
    failing = inside.script(shared + "/failing", "exit 1\n")
    config["hooks"]["createRuntime"].insert(0, hook(failing))
    t.fails(t.run(config), "hooks.createRuntime[0]", rc=1)
    t.equal([line for line in inside.lines(shared + "/log") if line != "poststop"], ["prestart"])


@needs("root")
def test_failing_start_container(t):
    """a failing startContainer hook ends start, and the payload does not run"""
    config, shared = hooked(t, "exit 3\n", "startContainer",
                            args=("/bin/sh", "-c", "echo ran >/mnt/ran"))
    c = t.create(config)
    t.fails(t.skiff("start", c.id), "hooks.startContainer[0]", rc=1)
    c.wait_stopped()
    t.true(not os.path.exists(shared + "/ran"), "the payload ran")
    t.equal(c.state()["status"], "stopped")


@needs("root")
def test_failing_poststop(t):
    """a failing poststop hook keeps nothing from being deleted, nor the other ones from running"""
    config, shared = hooked(t, 'echo $1 >>$2/log; exit 1\n', "poststop")
    config["hooks"]["poststop"] *= 2
    c = t.create(config)
    t.skiff("delete", "--force", c.id)
    t.fails(t.skiff("state", c.id), "does not exist", rc=1)
    t.equal(inside.lines(shared + "/log"), ["poststop"] * 2)


@needs("root")
def test_missing(t):
    """a hook that is not there is an error that names it"""
    config = t.config()
    config["hooks"] = {"createRuntime": [{"path": "/nowhere/hook"}]}
    t.fails(t.run(config), "hooks.createRuntime[0]", "/nowhere/hook", rc=1)


@needs("root")
def test_timeout(t):
    """a hook that takes longer than its timeout is killed, with its failure's meaning"""
    config, shared = hooked(t, "echo $$ >$2/pid; exec sleep 100000\n", "createRuntime", timeout=1)
    result = t.skiff("create", "--bundle", t.bundle(config), t.new_id(), timeout=20)
    t.fails(result, "hooks.createRuntime[0]", rc=1)
    t.true(any(word in result.err for word in ("timeout", "timed out", "1 s")), result.err)
    pid = int(kernel.read(shared + "/pid"))
    t.wait_until(lambda: not kernel.is_alive(pid), what="the hook's end")


@needs("root")
def test_timeout_of_each_kind(t):
    """each kind has its timeout: it ends the container, but poststop is a warning only; the hook
    is killed and named"""
    for kind in KINDS:
        t.note(kind)
        config, _ = hooked(t, "exec sleep 100000\n", kind, timeout=1)
        ident, path = t.new_id(), t.bundle(config)
        commands = [("create", "--bundle", path, ident), ("start", ident),
                    ("delete", "--force", ident)]
        culprit = {"startContainer": 1, "poststart": 1, "poststop": 2}.get(kind, 0)
        for number, command in enumerate(commands):
            result = t.skiff(*command, timeout=20)
            t.equal(result.rc, int(number == culprit and kind != "poststop"),
                    command[0])
            if number == culprit:
                t.contains(result.err, f"hooks.{kind}[0]")
                t.true(result.seconds >= 1, f"killed after {result.seconds} s")
                break
        # Its pid says nothing here where it has a pid namespace of its own.
        t.wait_until(lambda: not any(kernel.argv(pid) == ["sleep", "100000"] for pid in
                                     kernel.descendants(os.getpid()) if kernel.is_alive(pid)),
                     what="the hook's end")
        t.skiff("delete", "--force", ident, timeout=20)


@needs("root")
def test_in_time(t):
    """the twin of the timeout: a hook that is quick enough is left alone"""
    config, shared = hooked(t, "sleep 0.2; echo done >$2/log\n", "createRuntime", timeout=60)
    t.create(config)
    t.equal(inside.lines(shared + "/log"), ["done"])


@needs("root")
def test_network_by_hook(t):
    """prestart gets the pid by which it can give the container a network device"""
    code = ('pid=$(sed -n \'s/.*"pid": *\\([0-9]*\\).*/\\1/p\')\n'
            f'echo "$pid $(readlink /proc/$pid/ns/net)" >$2/log\n')
    config, shared = hooked(t, code, "prestart")
    c = t.create(config)
    t.equal(inside.lines(shared + "/log"), [f"{c.pid} {kernel.namespace(c.pid, 'net')}"])


@needs("root")
def test_directory(t):
    """hooks of the host and createContainer run in the bundle's directory, wherever skiff was
    called; startContainer in the container's root"""
    config, shared = hooked(t, "pwd >$2/$1\n")
    path, ident = t.bundle(config), t.new_id()
    t.ok("create", "--bundle", path, ident, cwd="/usr")
    t.ok("start", ident, cwd="/var")
    t.ok("delete", "--force", ident, cwd="/")
    for kind in KINDS:
        t.equal(inside.lines(f"{shared}/{kind}"), ["/" if kind == "startContainer" else path],
                kind)


@needs("root")
def test_directory_that_is_gone(t):
    """poststop runs without the bundle, too, in the root directory"""
    config, shared = hooked(t, "pwd >$2/$1\n", "poststop")
    path, ident = t.bundle(config), t.new_id()
    t.ok("create", "--bundle", path, ident)
    os.rename(path, path + "-moved")
    t.ok("delete", "--force", ident, cwd="/usr")
    t.equal(inside.lines(f"{shared}/poststop"), ["/"])


@needs("root")
def test_output_annotations(t):
    """run.oci.hooks.stdout and .stderr take the hooks' output, added at the end of the files"""
    config, shared = hooked(t, "echo out $1; echo err $1 >&2\n")
    out, err = t.path("hooks.out"), t.path("hooks.err")
    with open(out, "w", encoding="utf-8") as f:
        f.write("before\n")
    config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err}
    c = t.create(config)
    c.start()
    c.delete("--force")
    t.equal(inside.lines(out), ["before"] + [f"out {kind}" for kind in KINDS])
    t.equal(inside.lines(err), [f"err {kind}" for kind in KINDS])
    config["annotations"]["run.oci.hooks.stdout"] = "/nowhere/file"
    t.fails(t.run(config), "run.oci.hooks.stdout", "/nowhere/file", rc=1)
    t.equal(inside.lines(shared + "/none"), [])


@needs("root")
def test_output_to_fifo(t):
    """a FIFO for the hooks' output is refused, with a reader or without; for poststop that is a warning"""
    fifo = t.path("fifo")
    os.mkfifo(fifo)
    config, _ = hooked(t, "exit 0\n")
    config["annotations"] = {"run.oci.hooks.stdout": "/dev/null", "run.oci.hooks.stderr": fifo}
    t.fails(t.run(config), "run.oci.hooks.stderr", "neither a regular file", rc=1)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    t.fails(t.run(config), "run.oci.hooks.stderr", "neither a regular file", rc=1)
    os.close(reader)
    config, _ = hooked(t, "exit 0\n", "poststop")
    config["annotations"] = {"run.oci.hooks.stdout": fifo}
    c = t.create(config)
    r = t.ok("delete", "--force", c.id)
    t.true("neither a regular file" in r.err, f"warning {r}")


@needs("root")
def test_failing_poststart(t):
    """a failing poststart hook is told, after the payload ran; the container is stopped"""
    config, shared = hooked(t, "echo why >&2; exit 9\n", "poststart",
                            args=("/bin/sh", "-c", "echo ran >/mnt/ran; sleep 100000"))
    c = t.create(config)
    t.fails(t.skiff("start", c.id), "hooks.poststart[0]", "status 9", "why", rc=1)
    c.wait_stopped()
    t.equal(c.state()["status"], "stopped")
    t.fails(t.skiff("run", "--detach", "--bundle", t.bundle(config), t.new_id()),
            "hooks.poststart[0]", rc=1)
    t.true(not os.path.exists(f"{t.root}/{t.ids[-1]}"), "state of run")
    t.true(os.path.exists(shared + "/hook"), "the hook")


@needs("root")
def test_wrong_timeouts(t):
    """a timeout is a positive number of seconds"""
    for value in (0, -1, 2 ** 31):
        config, _ = hooked(t, "exit 0\n", "createRuntime", timeout=value)
        t.fails(t.run(config), "hooks.createRuntime[0].timeout", rc=1)
