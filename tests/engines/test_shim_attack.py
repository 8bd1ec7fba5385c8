"""containerd-shim-skiff-v2 against clients, bundles and containers that mean ill, and faults of the host."""
import contextlib
import os
import socket
import struct
import subprocess
import time

import kernel
import ttrpc
from harness import SLOW, limit, needs, tag
from protobuf import fields, number, text, varint
from shim_direct import NAMESPACE, SERVICE, Direct, any_of

MOUNT, STDOUT, EXEC_STDOUT = 3, 6, 5  # numbers of fields


def header(length, stream, kind=ttrpc.REQUEST):
    return struct.pack(">IIBB", length, stream, kind, 0)


def ticks(pid):
    """hundredths of a second of the processor's time"""
    return sum(map(int, kernel.read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13]))


def request(method, payload):
    return text(1, SERVICE) + text(2, method) + text(3, payload)


@needs("root")
@tag("shim")
def test_frames(t):
    """half frames, lengths that are too large and floods of connections hurt nobody else, and cost little"""
    shim = Direct(t).start()
    before = shim.settled_memory()
    descriptors = len(os.listdir(f"/proc/{shim.pid}/fd"))
    t.note("half a header; half a frame")
    halves = []
    for data in (b"\0\0", header(1000, 1) + bytes(10)):
        halves.append(shim.connect())
        halves[-1].socket.sendall(data)
        t.true(shim.is_well(), "others are answered")
    t.note("the largest length: the rest of the connection is discarded")
    large = shim.connect()
    large.socket.sendall(header(0xffffffff, 1))
    t.equal(large.answer()[:2], (1, 8))
    for _ in range(64):
        large.socket.sendall(bytes(1 << 20))
    t.true(shim.is_well(), "others are answered")
    t.true(shim.settled_memory() < before + 1024, f"{shim.memory()} KB after {before}")
    t.note("many connections")
    many = [shim.connect() for _ in range(400)]
    t.true(shim.is_well(), "others are answered")
    many += [shim.connect() for _ in range(200)]
    t.equal(many[0].call("Connect", shim.who())[0], 0)
    t.equal(shim.call("Connect", shim.who())[0], 0)
    for other in (*many, *halves, large):
        other.socket.close()
    t.wait_until(lambda: len(os.listdir(f"/proc/{shim.pid}/fd")) <= descriptors, 5, "descriptors are closed")
    t.note("frames that are no requests")
    for kind in (ttrpc.RESPONSE, 0, 9, 255):
        shim.client.frame(b"x", kind)
    t.true(shim.is_well(), "others are answered")
    t.true(shim.settled_memory() < before + 1024, f"{shim.memory()} KB after {before}")
    shim.shutdown()


@needs("root")
@tag("shim")
def test_messages(t):
    """messages that are small on the wire and large in memory, nested or cut short, end at most their
    own connection"""
    shim = Direct(t).start()
    mounts = (varint(MOUNT << 3 | 2) + b"\0") * (2 << 20)
    words = (varint(4 << 3 | 2) + b"\0") * (2 << 20)
    nested = b""
    for _ in range(2000):
        nested = text(10, nested)
    for name, method, payload in (
            ("two million mounts", "Create", mounts[:(4 << 20) - 100]),
            ("two million options", "Create", text(MOUNT, words[:(4 << 20) - 100])),
            ("nested", "Create", nested),
            ("cut", "Create", text(1, "x")[:-1] + b"\xff"),
            ("an endless number", "Kill", varint(3 << 3) + b"\xff" * 30),
            ("a group", "State", varint(1 << 3 | 3)),
            ("field 0", "State", b"\x02\x00"),
            ("the longest id", "State", text(1, "x" * ((4 << 20) - 100))),
            ("an id with a path", "Create", text(1, "../../x") + text(2, shim.bundle)),
            ("a bundle that is relative", "Create", text(1, t.new_id()) + text(2, ".")),
            ("no bundle", "Create", text(1, t.new_id()) + text(2, "/no/such")),
            ("an unknown stream", "Create", text(1, t.new_id()) + text(2, shim.bundle)
             + text(STDOUT, "telnet://x")),
    ):
        t.note(name)
        other = shim.connect()
        other.frame(request(method, payload))
        answer = other.answer()
        t.true(answer is None or answer[1], f"{name} was taken: {answer}")
        t.true(shim.is_well(), "others are answered")
    t.true(not os.path.exists(f"{t.root}/{NAMESPACE}") or not os.listdir(f"{t.root}/{NAMESPACE}"), "state is left")
    shim.run()
    for name, method, payload in (
            ("a signal that is none", "Kill", shim.who() + number(3, 9999)),
            ("no JSON", "Update", shim.who() + text(2, any_of("x", b"{"))),
    ):
        t.note(name)
        t.true(shim.call(method, payload)[0], "it was taken")
    t.note("a process that is no JSON")
    shim.ok("Exec", shim.who("bad") + text(7, any_of("Process", b"[[[[")))
    t.true(shim.call("Start", shim.who("bad"))[0], "it was taken")
    shim.ok("Delete", shim.who("bad"))
    shim.end()


@needs("root")
@tag("shim")
def test_answers_that_nobody_reads(t):
    """a client that never reads loses its connection in the end, not the shim its memory"""
    shim = Direct(t).start()
    shim.run()
    before = shim.settled_memory()
    t.note("answers of a megabyte: State tells what Exec was told")
    shim.ok("Exec", shim.who("e") + text(4, "x" * (1 << 20)) + text(7, any_of("Process", b"{}")))
    deaf, sent = shim.connect(), 0
    with contextlib.suppress(OSError):
        while sent < 1000:
            deaf.frame(request("State", shim.who("e")))
            sent += 1
            t.true(shim.is_well(), "others are answered")
    t.true(sent < 20, f"{sent} answers are kept")
    shim.ok("Delete", shim.who("e"))
    t.wait_until(lambda: shim.memory() < before + 1024, 5, f"memory as before ({before} KB)")
    shim.end()


def many_execs(t, many):
    shim = Direct(t).start()
    shim.run()

    def execs(n):
        for _ in range(n):
            name = shim.exec("/bin/true")
            t.equal(shim.wait(name), 0)
            shim.ok("Delete", shim.who(name))
        return shim.settled_memory(), len(os.listdir(f"/proc/{shim.pid}/fd"))

    memory, descriptors = execs(50)
    after, now = execs(many)
    t.true(after <= memory + 128, f"{after} KB, {memory} before")
    t.equal(now, descriptors, "descriptors")
    t.note("there is an end to those that are only added")
    code = 0
    for i in range(2000):
        code = shim.call("Exec", shim.who(f"n{i}") + text(7, any_of("Process", b"{}")))[0]
        if code:
            break
    t.equal(code, 8)
    shim.end()


@needs("root")
@tag("shim")
@limit(120)
def test_many_execs(t):
    """a hundred processes leave no memory and no descriptors behind"""
    many_execs(t, 100)


@needs("root")
@tag("shim", "slow")
@limit(300)
def test_a_thousand_execs(t):
    """the same of a thousand"""
    many_execs(t, 1000)


@needs("root")
@tag("shim")
@limit(60)
def test_output_that_is_held(t):
    """a grandchild that keeps the output open holds up Delete for its ten seconds, and nobody else; a
    reader that has gone neither"""
    shim = Direct(t).start()
    shim.run()
    fifo = t.path("out")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    held = shim.exec("/bin/sh", "-c", "sleep 1000 & echo said", streams=text(EXEC_STDOUT, fifo))
    t.equal(shim.wait(held), 0)
    os.set_blocking(reader, True)
    t.equal(os.read(reader, 100), b"said\n")
    deleter, begin = shim.connect(), time.monotonic()
    deleter.socket.settimeout(30 * SLOW)
    deleter.frame(request("Delete", shim.who(held)))
    t.true(shim.is_well(), "others are answered")
    t.equal(deleter.answer()[1], 0)
    t.true(8 < time.monotonic() - begin < 12 * SLOW, "Delete waited for the output")
    os.close(reader)
    t.note("no reader: what it cannot write stops the program, not the shim")
    other = t.path("other")
    os.mkfifo(other)
    stuck = shim.exec("/bin/sh", "-c", "yes", streams=text(EXEC_STDOUT, other))
    time.sleep(0.3)
    before = ticks(shim.pid)
    time.sleep(0.3)
    t.true(ticks(shim.pid) - before < 10, "the shim is busy")
    t.true(shim.is_well(), "others are answered")
    shim.ok("Kill", shim.who(stuck) + number(3, 9))
    t.equal(shim.wait(stuck), 137)
    shim.end()


@needs("root")
@tag("shim")
def test_bundles(t):
    """links in a bundle's path are followed, those in an image are not; `delete` obeys no bundle of others"""
    shim = Direct(t).start()
    link = t.path("link")
    os.symlink(shim.bundle, link)
    outside, image = t.path("outside"), t.path("image")
    os.makedirs(outside)
    os.makedirs(f"{image}/{outside}")
    os.symlink(outside, f"{image}/data")
    bind = lambda source, target: text(MOUNT, text(1, "bind") + text(2, source) + text(3, target)
                                       + text(4, "rbind") + text(4, "rw"))
    t.note("a mount on a link of the image stays in the image")
    shim.create(bind(image, ""), bind(t.shared_rootfs, "data"), bundle=link)
    points = [m.point for m in kernel.mountinfo() if m.point.startswith(t.dir)]
    t.true(f"{shim.bundle}/rootfs{outside}" in points, f"{points}")
    t.true(outside not in points, f"the mount is at {outside}")
    shim.ok("Delete", shim.who())
    t.equal([m.point for m in kernel.mountinfo() if m.point.startswith(t.dir)], [], "mounts that are left")
    t.note("a rootfs that is a link")
    os.rmdir(f"{shim.bundle}/rootfs")
    os.symlink(outside, f"{shim.bundle}/rootfs")
    t.true(shim.try_create(bind(image, ""))[0], "it was taken")
    t.equal([m.point for m in kernel.mountinfo() if m.point.startswith(t.dir)], [], "mounts")
    shim.shutdown()


@needs("root")
@tag("shim")
def test_delete_is_not_fooled(t):
    """`delete` removes no file that is no socket, unmounts nothing behind a link, kills for no other's notes"""
    shim = Direct(t).start()
    pid = shim.run()
    victim, mounted = t.path("skiff-victim"), t.path("mounted")
    with open(victim, "w", encoding="ascii") as f:
        f.write("x")
    os.mkdir(mounted)
    hostile = t.path("hostile")
    os.mkdir(hostile)
    os.symlink(t.dir, f"{hostile}/rootfs")
    for name, words in (("address", f"unix://{victim}"), ("skiff-root", f"{t.root}/{NAMESPACE}"),
                        ("init.pid", str(pid))):
        with open(f"{hostile}/{name}", "w", encoding="ascii") as f:
            f.write(words)
    subprocess.run(["mount", "-t", "tmpfs", "none", mounted], check=True)
    for mode, owner in ((0o755, 65534), (0o777, 0)):
        t.note(f"a bundle of {owner} with mode {mode:o}")
        os.chown(hostile, owner, owner)
        os.chmod(hostile, mode)
        for how in ({}, {"cwd": hostile}):
            result = shim.delete_action(*(("-bundle", hostile) if not how else ("-debug",)), **how)
            t.true(result.returncode, "it was obeyed")
            t.contains(result.stderr.decode(), "not obeyed")
    t.true(kernel.is_alive(pid), "the container was killed")
    os.chown(hostile, 0, 0)
    os.chmod(hostile, 0o700)
    os.unlink(f"{hostile}/skiff-root")
    t.equal(shim.delete_action("-bundle", hostile).returncode, 0)
    t.true(os.path.exists(victim), "a file was removed")
    t.true(os.path.ismount(mounted), "a mount is gone")
    subprocess.run(["umount", mounted], check=True)
    t.note("a bundle that has gone, also as the working directory")
    t.equal(shim.delete_action("-bundle", "/no/such", cwd="/").returncode, 0)
    gone = t.path("gone")
    os.mkdir(gone)
    result = subprocess.run(["/bin/sh", "-c", f"cd {gone}; rmdir {gone}; exec {' '.join(shim.words('delete'))}"],
                            check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.equal((result.returncode, result.stderr), (0, b""))
    t.true(kernel.is_alive(pid), "the container was killed")
    shim.end()


@needs("root")
@tag("shim")
def test_sockets(t):
    """sockets are files that others can neither reach nor replace; root's own clients are the only ones"""
    shim = Direct(t).start()
    t.equal(os.stat(shim.path).st_mode & 0o777, 0o600)
    t.equal(os.stat(shim.socket_dir).st_mode & 0o777, 0o700)
    inodes = {os.readlink(f"/proc/{shim.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{shim.pid}/fd")}
    names = [line.split()[7] for line in kernel.read("/proc/net/unix").splitlines()[1:]
             if f"socket:[{line.split()[6]}]" in inodes and len(line.split()) > 7]
    t.equal(set(names), {shim.path}, "names of its sockets")
    t.note("a client that is not root, whom the modes would let in")
    os.chmod(shim.path, 0o666)
    for path in (t.dir, shim.socket_dir, os.path.dirname(t.dir)):
        os.chmod(path, 0o755)
    os.setegid(65534)
    os.seteuid(65534)
    try:
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(shim.path)
    finally:
        os.seteuid(0)
        os.setegid(0)
    stranger.settimeout(5 * SLOW)
    t.equal(stranger.recv(1), b"", "the stranger's connection is closed")
    os.chmod(shim.path, 0o600)
    t.note("a second `start` finds the first")
    t.equal(fields(shim.try_start().stdout)[2][0].decode(), f"unix://{shim.path}")
    shim.shutdown()
    t.note("a directory of others")
    for mode, owner in ((0o777, 0), (0o755, 65534)):
        other = t.path(f"s{owner}")
        os.mkdir(other)
        os.chown(other, owner, owner)
        os.chmod(other, mode)
        result = Direct(t, socket_dir=other).try_start()
        t.true(result.returncode, "it was taken")
        t.contains(result.stdout.decode(), "socket directory")
    t.note("names that lead elsewhere")
    for namespace in ("../x", "a/b", "..", ""):
        words = shim.words("start")
        words[words.index("-namespace") + 1] = namespace
        result = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, cwd=shim.bundle,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        t.true(result.returncode, f"namespace {namespace!r} was taken")


@needs("root")
@tag("shim")
def test_requests_at_the_end(t):
    """a request beside Shutdown is answered; a container is not begun in a shim that ends"""
    sink = socket.socket(socket.AF_UNIX)
    sink.bind(t.path("events"))
    sink.listen(1)  # it never answers: the shim waits for that before it ends
    shim = Direct(t).start(env={"TTRPC_ADDRESS": t.path("events")})
    shim.create()
    other = shim.connect()
    t.equal(other.call("Connect", shim.who())[0], 0)
    shim.ok("Delete", shim.who())
    shim.ok("Shutdown", shim.who())
    t.equal(other.call("Connect", shim.who())[0], 0)
    t.equal(other.call("Create", shim.who() + text(2, shim.bundle) + text(10, shim.options))[0], 14)
    t.wait_until(lambda: not kernel.is_alive(shim.pid), 10, "the shim's end")
    t.true(other.is_closed(), "the connection is left")
    t.true(not os.path.exists(shim.path), "the socket is left")
    sink.close()
