"""checkpoint and restore: what was saved runs on, with its memory, streams, mounts and cgroup.  They need
criu: the machine's, or contrib/peers' where that is too old for the kernel."""
import json
import os
import shutil
import signal
import socket
import subprocess

import kernel
import terminal
from harness import Container, needs

COUNT = "i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.1; done"
TMP = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}


def counting(t, config=None, script=COUNT, **how):
    """a container that counts in its memory"""
    config = config or t.config()
    config["process"]["args"] = ["/bin/sh", "-c", script]
    config["mounts"].append(TMP)
    c = quiet(t, config, **how)
    t.wait_until(lambda: number(c) > 2, what="some counting")
    return c


def quiet(t, config, rootfs=None):
    """a container without streams: the files of t.background() change their size, which criu notices"""
    ident, path = t.new_id(), t.bundle(config, rootfs)
    null = subprocess.DEVNULL
    process = t.spawn(t.binary, "--root", t.root, "run", "--detach", "--bundle", path, "--pid-file",
                      t.path("pid"), ident, stdin=null, stdout=null, stderr=null)
    t.equal(process.wait(20), 0, "status of run")
    return Container(t, ident, path, int(kernel.read(t.path("pid"))))


def number(c):
    text = c.sh("cat /tmp/count").out.strip()
    return int(text) if text.isdigit() else 0


def checkpoint(t, c, *options, **how):
    image = t.path("image")
    t.ok("checkpoint", "--image-path", image, *options, c.id, timeout=20, **how)
    return image


def restoring(t, c, image, *options, ident=None, bundle=None, **how):
    """`restore --detach`: the Result"""
    return t.skiff("restore", "--detach", "--bundle", bundle or c.bundle, "--image-path", image,
                   "--pid-file", t.path("restored.pid"), *options, ident or c.id, timeout=20, **how)


def restore(t, c, image, *options, ident=None, **how):
    """the container, restored under its old id from its old bundle"""
    result = restoring(t, c, image, *options, ident=ident, **how)
    t.equal(result.rc, 0, f"restore: {result.err}")
    return Container(t, ident or c.id, c.bundle, int(kernel.read(t.path("restored.pid"))))


def goes_on(t, c):
    before = number(c)
    t.wait_until(lambda: number(c) > before, what="it counts on")
    return before


@needs("root", "cmd:criu")
def test_round_trip(t):
    """memory goes on where it was; the container is a container: state, exec, ps, pause, kill, delete"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "cgroup"})
    c = counting(t, config)
    begun = number(c)
    inside = kernel.namespaces(c.pid)
    image = checkpoint(t, c)
    t.fails(t.skiff("state", c.id), "does not exist")
    r = restore(t, c, image)
    t.equal((r.state()["status"], r.state()["pid"]), ("running", r.pid))
    t.true(goes_on(t, r) >= begun, "it began anew")
    t.equal(sorted(kernel.namespaces(r.pid)), sorted(inside))
    for name in ("pid", "net", "ipc", "uts", "mnt", "cgroup"):
        t.true(kernel.namespace(r.pid, name) != kernel.namespace("self", name), f"{name} is the host's")
    t.equal(kernel.capabilities(r.pid)["eff"], kernel.capabilities(r.pid)["prm"])
    t.contains(t.ok("ps", "--format", "json", r.id).out, str(r.pid))
    t.ok("pause", r.id)
    t.equal(r.state()["status"], "paused")
    t.ok("resume", r.id)
    t.contains(t.ok("list").out, r.id)
    t.ok("kill", r.id, "KILL")
    r.wait_stopped()
    r.delete()


@needs("root", "cmd:criu", "native")
def test_streams(t):
    """standard streams lead to those of restore, be they pipes, a log file or devices; so do preserved
    descriptors"""
    config = t.config("/bin/sh", "-c", "while read line; do echo got $line; echo also $line >&2;"
                                       " echo kept $line >&3; done")
    ident, path = t.new_id(), t.bundle(config)

    def begin(command, *options):
        """skiff with new streams: what to write to, and what to read from"""
        read_in, write_in = os.pipe()
        read_3, write_3 = os.pipe()
        read_2, write_2 = os.pipe()
        with open(t.path("log"), "ab") as out:
            process = t.spawn(t.binary, "--root", t.root, command, "-d", "--preserve-fds", "1", "-b", path,
                              *options, ident, stdin=read_in, stdout=out, stderr=write_2, close_fds=False,
                              preexec_fn=lambda: os.dup2(write_3, 3))
            t.equal(process.wait(20), 0, os.read(read_2, 1000) if process.returncode else "")
        for fd in (read_in, write_3, write_2):
            os.close(fd)
        return write_in, read_2, read_3

    def talk(word, write_in, read_2, read_3):
        os.write(write_in, word.encode() + b"\n")
        t.equal(os.read(read_2, 100).decode(), f"also {word}\n")
        t.equal(os.read(read_3, 100).decode(), f"kept {word}\n")
        t.contains(kernel.read(t.path("log")), f"got {word}\n")

    talk("one", *begin("run"))
    t.ok("checkpoint", "--image-path", t.path("image"), ident, timeout=20)
    talk("two", *begin("restore", "--image-path", t.path("image")))
    t.ok("delete", "--force", ident)


@needs("root", "cmd:criu", "native")
def test_mounts(t):
    """bind mounts are the host's again, as read-only as they were, in a root file system that never had
    their mount points; masked paths stay masked"""
    os.mkdir(t.path("data"))
    for name in ("data/file", "alone"):
        with open(t.path(name), "w", encoding="utf-8") as f:
            f.write("of the host")
    root = t.rootfs()
    os.mkdir(f"{root}/mnt/deep")
    os.symlink("/mnt/deep", f"{root}/link")
    config = t.config()
    config["mounts"] += [
        {"destination": "/link/data", "type": "bind", "source": t.path("data"), "options": ["rbind", "ro"]},
        {"destination": "/mnt/new/alone", "source": t.path("alone"), "options": ["bind"]}]
    c = counting(t, config, rootfs=root)
    image = checkpoint(t, c)
    subprocess.run(["rm", "-r", f"{root}/mnt/new", f"{root}/mnt/deep/data"], check=True)
    r = restore(t, c, image)
    goes_on(t, r)
    t.equal(r.sh("cat /link/data/file").out, "of the host")
    t.contains(r.sh("echo no > /link/data/file").err, "Read-only")
    t.equal(r.sh("cat /mnt/new/alone").out, "of the host")
    r.sh("echo changed > /mnt/new/alone")
    t.equal(kernel.read(t.path("alone")).strip(), "changed")
    for path in ("/proc/keys", "/proc/timer_list"):
        t.equal(r.sh(f"cat {path}").out, "", path)
    t.contains(r.sh("echo 1 > /proc/sys/kernel/domainname").err, "Read-only")
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "pids")
def test_limits(t):
    """another id, another cgroup: the processes are in that one, with the limits of the configuration, and
    update changes them"""
    config = t.config()
    config["linux"]["resources"]["pids"] = {"limit": 50}
    c = counting(t, config)
    image = checkpoint(t, c)
    r = restore(t, c, image, ident=t.new_id())
    goes_on(t, r)
    for path in kernel.cgroup_dirs(r.pid).values():
        t.true(path == "/" or r.id in path, f"init is in {path}")
    t.equal(kernel.cgroup_value(r.pid, "pids", "pids.max"), "50")
    t.ok("update", "--pids-limit", "60", r.id)
    t.equal(kernel.cgroup_value(r.pid, "pids", "pids.max"), "60")
    t.equal(r.sh("cat /dev/zero | head -c 1 | wc -c").out.strip(), "1")
    t.contains(r.sh("mknod /tmp/sda b 8 0 && cat /tmp/sda").err, "not permitted")
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "native")
def test_leave_running(t):
    """the container runs on, and so does a second one from the image; a paused one stays paused"""
    c = counting(t)
    image = checkpoint(t, c, "--leave-running")
    goes_on(t, c)
    t.equal(c.state()["status"], "running")
    r = restore(t, c, image, ident=t.new_id())
    goes_on(t, r)
    t.ok("delete", "--force", r.id)
    t.ok("pause", c.id)
    checkpoint(t, c, "--leave-running")
    t.equal(c.state()["status"], "paused")
    t.ok("resume", c.id)
    goes_on(t, c)
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "native")
def test_terminal(t):
    """the master of the terminal is sent to the console socket, and the terminal works"""
    config = t.config("/bin/sh")
    config["process"]["terminal"] = True
    first = terminal.ConsoleSocket(t.path("console-1"))
    c = t.background(config, "--console-socket", first.path)
    screen = first.receive()
    screen.type("a=kept\n")
    screen.read_until("a=kept")
    image = checkpoint(t, c)
    second = terminal.ConsoleSocket(t.path("console-2"))
    restore(t, c, image, "--console-socket", second.path)
    again = second.receive()
    again.type("echo it was $a\n")
    again.read_until("it was kept")
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "native")
def test_foreground(t):
    """without --detach: the exit status is the program's, the container is gone, or kept"""
    c = counting(t, script="i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo $i > /tmp/count; sleep 0.1;"
                           "done; exit 7")
    image = checkpoint(t, c)
    for options, left in (([], False), (["--keep"], True)):
        process = t.spawn(t.binary, "--root", t.root, "restore", "--bundle", c.bundle, "--image-path",
                          image, *options, c.id, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.wait_until(lambda: number(c) > 2, what="the restored container")
        c.sh("touch /tmp/end")
        t.equal(process.wait(20), 7)
        t.equal(t.skiff("state", c.id).rc == 0, left)
    t.equal(c.state()["status"], "stopped")
    c.delete()


@needs("root", "cmd:criu", "native")
def test_hooks(t):
    """hooks of restore: what sets the host up before the processes run, poststart after; poststop of both"""
    config = t.config()
    log = t.path("log")
    config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >> {log}; cat > {log}.{kind}"]}]
                       for kind in ("prestart", "createRuntime", "createContainer", "startContainer",
                                    "poststart", "poststop") if kind[:5] != "start" and kind[-9:] != "Container"}
    c = counting(t, config)
    with open(log, "w", encoding="utf-8"):
        pass
    image = checkpoint(t, c)
    t.equal(kernel.read(log).split(), ["poststop"])
    r = restore(t, c, image)
    t.equal(kernel.read(log).split(), ["poststop", "prestart", "createRuntime", "poststart"])
    for kind, status in (("createRuntime", "creating"), ("poststart", "running")):
        state = json.loads(kernel.read(f"{log}.{kind}"))
        t.equal((state["pid"], state["status"], state["id"]), (r.pid, status, r.id))
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "native")
def test_joined_namespaces(t):
    """a network, ipc and uts namespace that others made: processes are restored into those"""
    pause = t.sleeper()
    config = t.config()
    del config["hostname"]
    for ns in config["linux"]["namespaces"]:
        if ns["type"] in ("network", "ipc", "uts"):
            name = {"network": "net"}.get(ns["type"], ns["type"])
            ns["path"] = f"/proc/{pause.pid}/ns/{name}"
    c = counting(t, config)
    image = checkpoint(t, c)
    r = restore(t, c, image)
    goes_on(t, r)
    for name in ("net", "ipc", "uts"):
        t.equal(kernel.namespace(r.pid, name), kernel.namespace(pause.pid, name), name)
    t.ok("delete", "--force", r.id)
    t.ok("delete", "--force", pause.id)


@needs("root", "cmd:criu")
def test_joined_pid_and_time(t):
    """a pid namespace and a time namespace that another container made; and one of time of its own goes on
    with its clocks"""
    for kind in ("pid", "time"):
        t.note(kind)
        config = t.config("/bin/sh", "-c", "while :; do sleep 0.1; done")
        config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"] if ns["type"] != "time"]
        config["linux"]["namespaces"].append({"type": "time"})
        pause = t.background(config)
        config = t.config()
        config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"] if ns["type"] != kind]
        config["linux"]["namespaces"].append({"type": kind, "path": f"/proc/{pause.pid}/ns/{kind}"})
        c = counting(t, config)
        image = checkpoint(t, c)
        r = restore(t, c, image)
        shutil.rmtree(image)
        goes_on(t, r)
        t.equal(kernel.namespace(r.pid, kind), kernel.namespace(pause.pid, kind))
        t.ok("delete", "--force", r.id)
        t.ok("delete", "--force", pause.id)
    t.note("own")
    config = t.config()
    config["linux"]["namespaces"].append({"type": "time"})
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 50000, "nanosecs": 0}}
    c = counting(t, config)
    r = restore(t, c, checkpoint(t, c))
    goes_on(t, r)
    offset = dict(line.split()[:2] for line in kernel.read(f"/proc/{r.pid}/timens_offsets").splitlines())
    t.true(49900 < int(offset["boottime"]) <= 50000, offset)
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu")
def test_user_namespace(t):
    """what criu could save but never restore is refused before it is asked, and runs on"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "user"})
    for which, first in (("uidMappings", 100000), ("gidMappings", 200000)):
        config["linux"][which] = [{"containerID": 0, "hostID": first, "size": 65536}]
    c = counting(t, config)
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image"), c.id), "linux.namespaces", "user namespace")
    t.true(not os.path.exists(t.path("image")), "a directory was made")
    goes_on(t, c)
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu")
def test_mounts_below(t):
    """mounts below the source of an rbind are the host's again, read-only where they were; a file system that
    the container has there itself keeps its content; links in the source lead nowhere"""
    source, other = t.path("source"), t.path("other")
    for path in ("in", "own", "link", "away"):
        os.makedirs(f"{source}/{path}")
    os.makedirs(other)
    try:
        for path, options in ((f"{source}/in", "rw"), (f"{source}/in/deep", "ro"), (f"{source}/away/x", "rw")):
            os.makedirs(path, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "skiff-test", path], check=True)
        config = t.config()
        config["mounts"] += [{"destination": "/mnt", "type": "none", "source": source, "options": ["rbind"]},
                             {"destination": "/mnt/own", "type": "tmpfs", "source": "tmpfs"}]
        c = counting(t, config)
        c.sh("echo own > /mnt/own/file")
        image = checkpoint(t, c)
        with open(f"{source}/in/file", "w", encoding="utf-8") as f:
            f.write("new on the host")
        r = restore(t, c, image)
        goes_on(t, r)
        t.equal((r.sh("cat /mnt/in/file").out, r.sh("cat /mnt/own/file").out), ("new on the host", "own\n"))
        t.contains(kernel.mount_at(r.pid, "/mnt/in/deep").options, "ro")
        t.contains(r.sh("touch /mnt/in/deep/file").err, "Read-only")
        checkpoint(t, r)
        t.note("a link on the way to one")
        subprocess.run(["umount", f"{source}/away/x"], check=True)
        shutil.rmtree(f"{source}/away")
        os.symlink(other, f"{source}/away")
        os.mkdir(f"{other}/x")
        subprocess.run(["mount", "-t", "tmpfs", "skiff-test", f"{other}/x"], check=True)
        t.fails(restoring(t, c, image), "criu failed", "below the source of a bind mount")
        t.fails(t.skiff("state", c.id), "does not exist")
    finally:
        for path in (f"{source}/in/deep", f"{source}/in", f"{source}/away/x", f"{other}/x"):
            subprocess.run(["umount", "-l", path], check=False, stderr=subprocess.DEVNULL)


@needs("root", "cmd:criu", "native")
def test_changed_stream(t):
    """a file as stream may have grown if it is only appended to; else the error says what to do"""
    config = t.config("/bin/sh", "-c", "while :; do echo word; sleep 0.1; done")
    ident, path, log, null = t.new_id(), t.bundle(config), t.path("log"), subprocess.DEVNULL

    def begin(mode, command, *options):
        with open(log, mode) as out:
            return t.spawn(t.binary, "--root", t.root, command, "-d", "-b", path, *options, ident, stdin=null,
                           stdout=out, stderr=null).wait(20)

    for mode in ("ab", "r+b"):
        t.note(mode)
        with open(log, "wb"):
            pass
        t.equal(begin(mode, "run"), 0)
        t.wait_until(lambda: os.path.getsize(log) > 10, what="some output")
        image = t.path(f"image-{mode}")
        t.ok("checkpoint", "--image-path", image, ident, timeout=20)
        with open(log, "ab") as f:
            f.write(b"between\n")
        size = os.path.getsize(log)
        t.equal(begin(mode, "restore", "--image-path", image), 0 if mode == "ab" else 1)
        if mode == "ab":
            t.wait_until(lambda: os.path.getsize(log) > size, what="more output")
            t.ok("delete", "--force", ident)
    with open(log, "r+b") as out:
        process = t.spawn(t.binary, "--root", t.root, "restore", "-d", "-b", path, "--image-path", image, ident,
                          stdin=null, stdout=out, stderr=subprocess.PIPE)
        error = process.communicate()[1].decode()
    for phrase in ("has bad size", "opened for appending (>>)", f"(log file: {image}/restore.log)"):
        t.contains(error, phrase)


@needs("root", "cmd:criu", "native")
def test_failed_restore(t):
    """whatever fails, nothing is left, and the same image can be restored afterwards"""
    c = counting(t)
    image = checkpoint(t, c)
    with open(f"{c.bundle}/config.json", encoding="utf-8") as f:
        good = f.read()

    def fails(*phrases, **how):
        t.fails(restoring(t, c, image, **how), *phrases)
        t.fails(t.skiff("state", c.id), "does not exist")
        t.equal(os.path.exists(t.path("restored.pid")), False, "pid file")
        t.equal([pid for pid in kernel.descendants(os.getpid()) if kernel.is_alive(pid)], [])
        t.equal([path for point in set(kernel.cgroup_mounts().values())
                 for path in subprocess.run(["find", point, "-name", f"*{c.id}*"], capture_output=True,
                                            check=False, text=True).stdout.split()], [])

    t.note("a hook")
    config = json.loads(good)
    for kind in ("createRuntime", "poststart"):
        config["hooks"] = {kind: [{"path": "/bin/false"}]}
        with open(f"{c.bundle}/config.json", "w", encoding="utf-8") as f:
            json.dump(config, f)
        fails(f"error running {kind} hook")
    with open(f"{c.bundle}/config.json", "w", encoding="utf-8") as f:
        f.write(good)
    t.note("a broken image")
    core = next(name for name in os.listdir(image) if name.startswith("core-"))
    os.rename(f"{image}/{core}", t.path(core))
    with open(f"{image}/{core}", "wb") as f:
        f.write(b"no image of criu's")
    fails("criu failed", "Error (criu/", f"{image}/restore.log")
    os.rename(t.path(core), f"{image}/{core}")
    t.note("no image")
    t.fails(restoring(t, c, t.path("nowhere")), "nowhere", "No such file")
    goes_on(t, restore(t, c, image))
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu")
def test_refused(t):
    """what cannot be saved is refused before criu is asked: containers that do not run, listeners"""
    c = t.create()
    t.fails(t.skiff("checkpoint", c.id), "not started")
    t.ok("delete", c.id)
    config = t.config("/bin/true")
    c = t._launch(["run", "-d"], config, None, {})
    c.wait_stopped()
    t.fails(t.skiff("checkpoint", c.id), "container not running")
    t.ok("delete", c.id)
    t.fails(t.skiff("checkpoint", "nosuch"), "does not exist")
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/none",
                                  "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
    os.mkdir(t.path("image"), 0o700)
    with open(t.path("image/inventory.img"), "wb"):
        pass
    t.fails(t.skiff("restore", "-b", t.bundle(config), "--image-path", t.path("image"), t.new_id()),
            "linux.seccomp", "listener")
    c = t.sleeper()
    for words, phrase in ((["--parent-path", "/tmp"], "relative"), (["--lazy-pages"], "--page-server"),
                          (["--page-server", "nowhere"], "ADDRESS:PORT"), (["--empty-ns", "pid"], "network"),
                          (["--manage-cgroups-mode", "none"], "soft"), (["--status-fd", "x"], "descriptor")):
        t.fails(t.skiff("checkpoint", *words, "--image-path", t.path("image"), c.id), phrase)
    t.ok("delete", "--force", c.id)


@needs("root")
def test_without_criu(t):
    """where criu is not installed: its name, and the package's; what engines ask for works all the same"""
    empty = t.path("empty")
    os.mkdir(empty)
    places = {os.path.realpath(f"{top}/criu") for top in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                         "/usr/bin", "/sbin", "/bin")}
    places = [path for path in places if os.path.exists(path)]
    for path in places:
        subprocess.run(["mount", "--bind", "/dev/null", path], check=True)
    c = t.sleeper()
    env = {"PATH": empty}
    t.fails(t.skiff("checkpoint", c.id, env=env), "criu is not installed", "package criu")
    t.fails(t.skiff("restore", "-b", c.bundle, t.new_id(), env=env), "criu is not installed")
    t.equal(json.loads(t.ok("features", env=env).out)["annotations"]
            ["org.opencontainers.runc.checkpoint.enabled"], "false")
    for command in ("checkpoint", "restore"):
        t.contains(t.ok(command, "--help", env=env).out, "--image-path")
    t.contains(t.skiff("restore", "--lsm-mount-context", env=env).err, "flag needs an argument")
    t.ok("delete", "--force", c.id)
    for path in places:
        subprocess.run(["umount", path], check=True)


@needs("root", "cmd:criu")
def test_features(t):
    """features tells of checkpoints where criu is there"""
    t.equal(json.loads(t.ok("features").out)["annotations"]
            ["org.opencontainers.runc.checkpoint.enabled"], "true")
    t.contains(json.loads(t.ok("features").out)["potentiallyUnsafeConfigAnnotations"], "org.criu.config")


# --- attacks ---


@needs("root", "cmd:criu", "native")
def test_link_in_the_image(t):
    """CVE-2026-119101, CVE-2026-115520: a link of the image at a mount's destination has "]:" and a path of the
    host in its target: nothing but the configured source is bound"""
    root = t.rootfs()
    os.mkdir(t.path("data"))
    os.mkdir(f"{root}/x]:")
    os.makedirs(f"{root}/x]:/etc")
    os.symlink("/x]:/etc", f"{root}/data")
    config = t.config()
    config["mounts"].append({"destination": "/data", "source": t.path("data"), "options": ["bind"]})
    c = counting(t, config, rootfs=root)
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image"), c.id), "/x]:/etc", "]")
    goes_on(t, c)
    t.ok("delete", "--force", c.id)
    t.note("in the configuration")
    config = t.config("/bin/sleep", "1000")
    config["mounts"].append({"destination": "/data]:/etc", "source": t.path("data"), "options": ["bind"]})
    c = t.background(config, rootfs=t.rootfs())
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image"), c.id), "/data]:/etc")
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "native")
def test_strange_images(t):
    """an image directory of somebody else's, or with something in it that is not criu's, is not used; nor
    are names of streams obeyed that no stream has"""
    c = counting(t)
    image = checkpoint(t, c, "--leave-running")
    saved = {"mode": lambda: os.chmod(image, 0o777), "owner": lambda: os.chown(image, 1000, 0),
             "link": lambda: os.symlink("/etc/shadow", f"{image}/stats-dump.new"),
             "pipe": lambda: os.mkfifo(f"{image}/fifo"),
             "file": lambda: os.chown(f"{image}/inventory.img", 1000, 0)}
    mend = {"mode": lambda: os.chmod(image, 0o700), "owner": lambda: os.chown(image, 0, 0),
            "link": lambda: os.unlink(f"{image}/stats-dump.new"), "pipe": lambda: os.unlink(f"{image}/fifo"),
            "file": lambda: os.chown(f"{image}/inventory.img", 0, 0)}
    for name, spoil in saved.items():
        t.note(name)
        spoil()
        for result in (t.skiff("checkpoint", "--leave-running", "--image-path", image, c.id),
                       restoring(t, c, image, ident=t.new_id())):
            t.fails(result, image, "criu's" if name in ("link", "pipe") else "belongs to user")
        mend[name]()
    t.ok("delete", "--force", c.id)
    t.note("empty")
    os.mkdir(t.path("empty"), 0o700)
    t.fails(restoring(t, c, t.path("empty")), t.path("empty"), "holds no checkpoint")
    t.note("streams")
    for text in ('["/etc/passwd","extRootNetNS"]', "[" * 1000, '{"a":1}', '["' + "x" * 70000 + '"]'):
        with open(f"{image}/descriptors.json", "w", encoding="utf-8") as f:
            f.write(text)
        result = restoring(t, c, image)
        t.fails(result, "criu failed" if "passwd" in text else "descriptors.json")
        t.fails(t.skiff("state", c.id), "does not exist")


