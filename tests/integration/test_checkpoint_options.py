"""The options of checkpoint and restore that are criu's: what cannot be saved without them can be with
them, and is there afterwards."""
import os
import shutil
import signal
import socket
import subprocess

import inside
import kernel
import terminal
from harness import limit, needs, tag
from test_checkpoint import COUNT, TMP, checkpoint, counting, goes_on, number, quiet, restore, restoring

# Makes something, then counts, and writes whether it still works.
BEGIN = "import fcntl, os, socket, time\n"
LOOP = """
i = 0
while True:
    i += 1
    try:
        check()
        word = "good"
    except OSError as e:
        word = str(e)
    for name, text in (("count", i), ("word", word)):
        with open("/tmp/." + name, "w") as f:
            f.write(str(text))
        os.rename("/tmp/." + name, "/tmp/" + name)
    time.sleep(0.1)
"""
LOCK = """
lock = open("/tmp/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
def check():
    try:
        fcntl.flock(open("/tmp/lock", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    raise OSError("unlocked")
"""
TCP = """
server = socket.create_server(("127.0.0.1", 99))
client = socket.create_connection(("127.0.0.1", 99))
peer = server.accept()[0]
peer.settimeout(5)
def check():
    client.send(b"x")
    peer.recv(1) == b"x" or 1 / 0
"""
PENDING = """
server = socket.create_server(("127.0.0.1", 99))
client = socket.create_connection(("127.0.0.1", 99))
def check():
    pass
"""
REMAP = """
first = open("/mnt/first", "w+")
os.link("/mnt/first", "/mnt/second")
os.unlink("/mnt/first")
first.write("content")
first.flush()
def check():
    first.seek(0)
    if first.read() != "content" or open("/mnt/second").read() != "content":
        raise OSError("content")
"""
UNIX = """
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("PATH")
s.setblocking(False)
def check():
    try:
        s.send(b"hello")
    except BlockingIOError:  # some words are queued there already
        pass
"""


def payload(t, code, config=None, rootfs=None):
    """a container whose check() is `code`'s"""
    config = config or t.config()
    config["mounts"].append(TMP)
    inside.set_python(config, BEGIN + code + LOOP)
    c = quiet(t, config, rootfs)
    t.wait_until(lambda: number(c) > 0, 10, "the payload's first word")
    t.equal(c.sh("cat /tmp/word").out, "good")
    return c


def both_ways(t, c, option, *more):
    """without the option criu names it; with it the container is the same afterwards"""
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image"), *more, c.id, timeout=20), "criu failed",
            option.removeprefix("--"))
    goes_on(t, c)
    r = restore(t, c, checkpoint(t, c, option, *more), *([option] if option != "--link-remap" else []),
                *more)
    goes_on(t, r)
    t.equal(r.sh("cat /tmp/word").out, "good")
    return r


@needs("root", "cmd:criu", "native")
def test_failed_checkpoint(t):
    """criu refuses: the error has its first words and the place of its log, and the container runs on"""
    c = payload(t, TCP)
    result = t.skiff("checkpoint", "--image-path", t.path("image"), "--work-path", t.path("work"), c.id,
                     timeout=20)
    t.fails(result, "criu failed: Error (criu/", "tcp-established", f"log file: {t.path('work')}/dump.log")
    goes_on(t, c)
    t.equal((c.state()["status"], c.sh("cat /tmp/word").out), ("running", "good"))
    t.equal(os.listdir(f"{t.root}/{c.id}").count("criu"), 0)
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "native")
def test_file_locks(t):
    """--file-locks: whoever had the lock has it again"""
    t.ok("delete", "--force", both_ways(t, payload(t, LOCK), "--file-locks").id)


@needs("root", "cmd:criu", "native")
def test_tcp_established(t):
    """--tcp-established: connections go on; --network-lock: the way to lock it; --tcp-close: they are gone"""
    r = both_ways(t, payload(t, TCP), "--tcp-established", "--network-lock", "skip")
    image = checkpoint(t, r, "--tcp-established", "--network-lock=skip")
    r = restore(t, r, image, "--tcp-close", "--network-lock=skip")
    t.wait_until(lambda: r.sh("cat /tmp/word").out != "good", what="the end of the connection")
    t.true(" 01 " not in kernel.read(f"/proc/{r.pid}/net/tcp"), "a connection is left")
    t.ok("delete", "--force", r.id)
    t.fails(t.skiff("checkpoint", "--network-lock", "none", r.id), "iptables nftables skip")


@needs("root", "cmd:criu", "native")
def test_tcp_skip_in_flight(t):
    """--tcp-skip-in-flight: a connection that nobody has accepted yet is left out"""
    c = payload(t, PENDING)
    options = ("--tcp-established", "--network-lock", "skip")
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image"), *options, c.id, timeout=20),
            "In-flight connection")
    r = restore(t, c, checkpoint(t, c, "--tcp-skip-in-flight", *options), *options)
    goes_on(t, r)
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "native")
def test_link_remap(t):
    """--link-remap: an open file that has lost its name"""
    config = t.config()
    config["root"]["readonly"] = False
    t.ok("delete", "--force", both_ways(t, payload(t, REMAP, config, t.rootfs()), "--link-remap").id)


@needs("root", "cmd:criu", "native")
def test_ext_unix_sk(t):
    """--ext-unix-sk: a socket that is connected to one of the host's, which has the same path there"""
    path = f"/var/tmp/{t.mark}"
    os.mkdir(path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(f"{path}/socket")
            s.settimeout(5)
            config = inside.add_bind(t.config(), path, path)
            config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"]
                                             if ns["type"] != "network"]
            c = payload(t, UNIX.replace("PATH", f"{path}/socket"), config, t.rootfs())
            r = both_ways(t, c, "--ext-unix-sk")
            t.equal(s.recv(100), b"hello")
            t.ok("delete", "--force", r.id)
    finally:
        shutil.rmtree(path)


@needs("root", "cmd:criu", "native")
def test_shell_job(t):
    """--shell-job: a container on the caller's terminal is restored to that of restore"""
    config = t.config("/bin/sh", "-c", "while read line; do echo got $line; done")
    ident, path = t.new_id(), t.bundle(config)
    first = terminal.Terminal(t, "run", "--bundle", path, ident)
    first.type("one\n")
    first.read_until("got one")
    image = t.path("image")
    t.ok("checkpoint", "--shell-job", "--image-path", image, ident, timeout=20)
    first.wait()
    second = terminal.Terminal(t, "restore", "--shell-job", "--bundle", path, "--image-path", image, ident)
    second.type("two\n")
    second.read_until("got two", 20)
    t.ok("kill", ident, "KILL")
    second.wait()


@needs("root", "cmd:criu", "native")
def test_empty_ns(t):
    """--empty-ns network: what is in the network namespace is neither saved nor restored"""
    config = t.config()
    inside.set_capabilities(config, "NET_ADMIN")
    c = counting(t, config)
    t.equal(c.sh("ip link set lo mtu 1400").rc, 0)
    for options, mtu in ((["--empty-ns", "network"], "65536"), ([], "1400")):
        image = checkpoint(t, c, "--leave-running", *options)
        r = restore(t, c, image, *options, ident=t.new_id())
        t.contains(r.sh("ip link show lo").out, f"mtu {mtu}")
        t.ok("delete", "--force", r.id)
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "native")
def test_config_file(t):
    """annotation org.criu.config: a file with options for criu"""
    with open(t.path("criu.conf"), "w", encoding="utf-8") as f:
        f.write("file-locks\n")
    config = t.config()
    config["annotations"] = {"org.criu.config": t.path("criu.conf")}
    c = payload(t, LOCK, config)
    r = restore(t, c, checkpoint(t, c))
    goes_on(t, r)
    t.equal(r.sh("cat /tmp/word").out, "good")
    t.ok("delete", "--force", r.id)
    t.note("a file that is not there")
    config["annotations"] = {"org.criu.config": t.path("nowhere.conf")}
    c = counting(t, config)
    t.fails(t.skiff("checkpoint", "--image-path", t.path("image2"), c.id, timeout=20), "org.criu.config",
            "nowhere.conf")
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "vm")
def test_pre_dump(t):
    """--pre-dump saves memory and lets the container run; --parent-path saves what has changed since;
    --auto-dedup drops it from the image before"""
    c = counting(t)
    before, image = t.path("before"), t.path("image")
    t.ok("checkpoint", "--pre-dump", "--image-path", before, c.id, timeout=20)
    goes_on(t, c)
    t.true(not os.path.exists(f"{before}/descriptors.json"), "more than memory")

    def blocks():
        return sum(os.stat(f"{before}/{name}").st_blocks for name in os.listdir(before)
                   if name.startswith("pages-"))
    full = blocks()
    t.ok("checkpoint", "--parent-path", "../before", "--auto-dedup", "--image-path", image, c.id, timeout=20)
    t.equal(os.readlink(f"{image}/parent"), "../before")
    t.true(blocks() < full, f"nothing was dropped: {blocks()} of {full}")
    r = restore(t, c, image, "--auto-dedup")
    goes_on(t, r)
    t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "native")
def test_page_server(t):
    """--page-server sends the memory to a criu elsewhere; --status-fd tells when; restored from there"""
    other = t.path("other")
    os.mkdir(other, 0o700)
    listen = socket.create_server(("127.0.0.1", 0))
    port = listen.getsockname()[1]
    listen.close()
    server = t.spawn("criu", "page-server", "-D", other, "--port", str(port), "--address", "127.0.0.1")
    c = counting(t)
    t.wait_until(lambda: f":{port:04X} " in kernel.read("/proc/net/tcp"), what="the page server")
    image = checkpoint(t, c, "--page-server", f"127.0.0.1:{port}")
    t.equal(server.wait(20), 0)
    t.true(not [name for name in os.listdir(image) if name.startswith("pages-")], "pages in the image")
    for name in os.listdir(other):
        os.rename(f"{other}/{name}", f"{image}/{name}")
    goes_on(t, restore(t, c, image))
    t.ok("delete", "--force", c.id)


@needs("root", "cmd:criu", "vm")
def test_lazy_pages(t):
    """--lazy-pages: the memory comes when it is used; --status-fd says when it can be had"""
    listen = socket.create_server(("127.0.0.1", 0))
    port = listen.getsockname()[1]
    listen.close()
    c = counting(t)
    begun = number(c)
    image = t.path("image")
    ready, tell = os.pipe()
    os.set_inheritable(tell, True)
    dump = t.spawn(t.binary, "--root", t.root, "checkpoint", "--lazy-pages", "--page-server",
                   f"127.0.0.1:{port}", "--status-fd", str(tell), "--image-path", image, c.id,
                   pass_fds=[tell])
    os.close(tell)
    t.equal(os.read(ready, 10), b"\0")
    pages = t.spawn("criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", str(port),
                    "-D", image, "-W", image)
    t.wait_until(lambda: os.path.exists(f"{image}/lazy-pages.socket"), what="criu lazy-pages")
    r = restore(t, c, image, "--lazy-pages", "--work-path", image, ident=t.new_id())
    t.true(goes_on(t, r) >= begun, "it began anew")
    t.equal((dump.wait(20), pages.wait(20)), (0, 0))
    t.ok("delete", "--force", r.id)


class LazyPages:
    """a container that is being saved, and the `criu lazy-pages` that would bring its memory, stopped"""

    def __init__(self, t):
        listen = socket.create_server(("127.0.0.1", 0))
        port = listen.getsockname()[1]
        listen.close()
        self.t, self.c, self.image, self.ident = t, counting(t), t.path("image"), t.new_id()
        ready, tell = os.pipe()
        self.dump = t.spawn(t.binary, "--root", t.root, "checkpoint", "--lazy-pages", "--page-server",
                            f"127.0.0.1:{port}", "--status-fd", str(tell), "--image-path", self.image,
                            self.c.id, pass_fds=[tell], stderr=subprocess.DEVNULL)
        os.close(tell)
        t.equal(os.read(ready, 10), b"\0")
        self.pages = t.spawn("criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port",
                             str(port), "-D", self.image, "-W", self.image, stderr=subprocess.DEVNULL)
        t.wait_until(lambda: os.path.exists(f"{self.image}/lazy-pages.socket"), what="criu lazy-pages")
        os.kill(self.pages.pid, signal.SIGSTOP)

    def command(self):
        return ("--root", self.t.root, "restore", "--detach", "--bundle", self.c.bundle, "--image-path",
                self.image, "--lazy-pages", "--work-path", self.image, self.ident)

    def nothing_is_left(self):
        self.t.fails(self.t.skiff("state", self.ident), "does not exist")
        self.t.true(self.ident not in kernel.read("/proc/self/mountinfo"), "a mount is left")
        for point in set(kernel.cgroup_mounts().values()):
            found = subprocess.run(["find", point, "-name", self.ident], capture_output=True, check=False)
            self.t.equal(found.stdout, b"", "cgroups")

    def end(self):
        """a lazy dump ends with skiff, however that ends, and the container goes on"""
        for process in (self.dump, self.pages):
            process.kill()
            process.wait()
        goes_on(self.t, self.c)
        self.t.ok("delete", "--force", self.c.id)


@needs("root", "cmd:criu", "native")
def test_lazy_pages_die(t):
    """--lazy-pages, and nobody brings the memory: criu 4.2 waits for ever for an init whose children it holds
    itself; skiff does not, and nothing is left"""
    lazy = LazyPages(t)
    restore_ = t.spawn(t.binary, *lazy.command(), stderr=subprocess.PIPE)
    t.wait_until(lambda: os.path.exists(f"{lazy.image}/restore.log") and
                 " pie: " in kernel.read(f"{lazy.image}/restore.log"), what="criu's log")
    lazy.pages.kill()
    t.equal(restore_.wait(20), 1)
    error = restore_.stderr.read().decode()
    for phrase in ("criu failed: Error (criu/", "criu lazy-pages", f"(log file: {lazy.image}/restore.log)"):
        t.contains(error, phrase)
    lazy.nothing_is_left()
    lazy.end()
    t.note("none from the beginning")
    os.unlink(f"{lazy.image}/lazy-pages.socket")
    t.fails(t.skiff(*lazy.command()[2:], timeout=20), "criu/uffd.c", "criu lazy-pages")
    lazy.nothing_is_left()


@needs("root", "cmd:criu", "native")
@tag("slow")
@limit(100)
def test_lazy_pages_silent(t):
    """--lazy-pages, and the daemon does nothing: after 30 s without a word in criu's log restore ends"""
    lazy = LazyPages(t)
    t.fails(t.skiff(*lazy.command()[2:], timeout=60), "did nothing for 30 s", "criu lazy-pages", "restore.log")
    lazy.nothing_is_left()
    lazy.end()


@needs("root", "cmd:criu", "native")
def test_cgroups_mode(t):
    """--manage-cgroups-mode: cgroups below the container's own are there again, or with "ignore" are not"""
    c = counting(t, script=f"sleep 10000 & {COUNT}")
    child, = (pid for pid in kernel.descendants(c.pid) if "10000" in kernel.argv(pid))
    for path in set(kernel.cgroup_dirs(c.pid).values()):
        # No rule for devices can be set where there are cgroups below (v1), no process be put without CPUs.
        if c.id in path and "/devices/" not in path and "/cpuset/" not in path:
            os.mkdir(f"{path}/below")
            with open(f"{path}/below/cgroup.procs", "w", encoding="ascii") as f:
                f.write(str(child))
    image = checkpoint(t, c)
    for mode, below in (("soft", True), ("ignore", False)):
        t.note(mode)
        r = restore(t, c, image, "--manage-cgroups-mode", mode, ident=t.new_id())
        goes_on(t, r)
        child, = (pid for pid in kernel.descendants(r.pid) if "10000" in kernel.argv(pid))
        found = [path for path in kernel.cgroup_dirs(child).values() if path.endswith(f"{r.id}/below")]
        t.equal(bool(found), below, f"{kernel.cgroup_dirs(child)}")
        t.ok("delete", "--force", r.id)


@needs("root", "cmd:criu", "native")
def test_cgroups_mode_of_properties(t):
    """--manage-cgroups-mode full: what was written into its cgroup without the configuration's knowledge is
    written again, with soft it is not; strict refuses a cgroup that is there, which skiff has made"""
    def changed(pid):
        dirs = kernel.cgroup_dirs(pid)
        return (f"{dirs['cpu']}/cpu.shares", "512", "1024") if "cpu" in dirs else \
            (f"{dirs['']}/cgroup.max.depth", "7", "max")

    c = counting(t)
    path, ours, default = changed(c.pid)
    t.equal(kernel.read(path).strip(), default)
    with open(path, "w", encoding="ascii") as f:
        f.write(ours)
    image = checkpoint(t, c)
    modes = {"soft": default, "full": ours}
    if "" not in kernel.cgroup_mounts():
        # criu writes the hierarchy of version 2 then, too, which this machine has and the view does not show.
        del modes["full"]
    for mode, value in modes.items():
        t.note(mode)
        r = restore(t, c, image, "--manage-cgroups-mode", mode, ident=t.new_id())
        goes_on(t, r)
        t.equal(kernel.read(changed(r.pid)[0]).strip(), value, mode)
        t.ok("delete", "--force", r.id)
    t.note("strict")
    t.fails(restoring(t, c, image, "--manage-cgroups-mode", "strict"), "criu failed")


@needs("root", "cmd:criu", "native")
def test_spellings(t):
    """what engines pass: -no-subreaper with one dash, --no-pivot, labels that only criu can judge; a pidfd
    and a trace as of run; another configuration"""
    c = counting(t)
    image = checkpoint(t, c)
    path = t.path("pidfd")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(path)
        s.listen(1)
        r = restore(t, c, image, "-no-subreaper", "--no-pivot", "--pidfd-socket", path, "--trace",
                    t.path("trace"), "--config", f"{c.bundle}/config.json")
        peer, _ = s.accept()
        _, fds, _, _ = socket.recv_fds(peer, 100, 1)
        t.contains(kernel.read(f"/proc/self/fdinfo/{fds[0]}"), f"Pid:\t{r.pid}\n")
        os.close(fds[0])
    t.contains(kernel.read(t.path("trace")), "criu.fill")
    goes_on(t, r)
    t.ok("delete", "--force", r.id)
    result = t.skiff("--debug", "restore", "--detach", "--bundle", c.bundle, "--image-path", image,
                     "--lsm-mount-context", "system_u:object_r:tmp_t:s0", c.id, timeout=20)
    t.equal(result.rc, 0, result.err)
    t.contains(result.err, "criu.option       lsm-mount-context system_u:object_r:tmp_t:s0")
    t.ok("delete", "--force", c.id)
    t.fails(restoring(t, c, image, "--lsm-profile", "apparmor:no such profile"), "criu failed")
    t.fails(restoring(t, c, image, "--lsm-profile", "nonsense"), "criu failed")
