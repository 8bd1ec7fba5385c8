"""What the tests about systemd share: asking it, and standing between it and the program under
test."""
import contextlib
import os
import select
import socket
import struct
import subprocess
import threading

import kernel

CALL, SIGNAL = 1, 4
MEMBER = 3  # a header field of a D-Bus message


def show(unit, *names, user=False):
    """the properties of a unit: {"LoadState": "loaded", ..}"""
    out = subprocess.run(["systemctl", *(["--user"] if user else []), "show", unit]
                         + [f"-p{name}" for name in names], capture_output=True, text=True,
                         check=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines())


def control(*args, user=False):
    subprocess.run(["systemctl", *(["--user"] if user else []), *args], check=True,
                   capture_output=True)


def is_loaded(unit, user=False):
    return show(unit, "LoadState", user=user)["LoadState"] != "not-found"


def tree():
    """where the hierarchy is mounted in which systemd keeps its units"""
    mounts = kernel.cgroup_mounts()
    return mounts.get("") or mounts.get("name=systemd") or "/sys/fs/cgroup"


def place(pid):
    """the process's cgroup there"""
    lines = [line.split(":", 2) for line in kernel.read(f"/proc/{pid}/cgroup").splitlines()]
    wanted = "" if "" in kernel.cgroup_mounts() else "name=systemd"
    return next(path for _, names, path in lines if names == wanted)


def value(cgroup, name):
    """what a file of a cgroup says, in the hierarchy that has its controller"""
    mounts, controller = kernel.cgroup_mounts(), name.split(".")[0]
    top = mounts[controller] if controller in mounts else mounts[""]
    return kernel.read(f"{top}{cgroup}/{name}").strip()


def directories(cgroup):
    """where in the hierarchies there is such a cgroup"""
    return sorted(path for path in {top + cgroup for top in kernel.cgroup_mounts().values()}
                  if os.path.exists(path))


def align(n, to):
    return (n + to - 1) // to * to


def member(message):
    """the name of the method or signal"""
    end = 16 + struct.unpack_from("<I", message, 12)[0]
    at = 16
    while at < end:
        at = align(at, 8)
        code, signature = message[at], message[at + 2:at + 3]
        at += 4
        if signature == b"g":
            at += 1 + message[at] + 1
        elif signature == b"u":
            at = align(at, 4) + 4
        else:
            at = align(at, 4)
            size = struct.unpack_from("<I", message, at)[0]
            if code == MEMBER:
                return message[at + 4:at + 4 + size].decode()
            at += 4 + size + 1
    return ""


class Stream:
    """D-Bus messages of one direction, cut out of the bytes"""

    def __init__(self, found):
        self.found, self.data, self.begun = found, b"", False

    def add(self, data):
        self.data += data
        if not self.begun:
            # the client says BEGIN, the server AGREE or OK last: messages begin with 'l'
            for word in (b"BEGIN\r\n", b"AGREE_UNIX_FD\r\n"):
                if word in self.data:
                    self.data, self.begun = self.data.split(word, 1)[1], True
        while self.begun and len(self.data) >= 16:
            body, _, fields = struct.unpack_from("<III", self.data, 4)
            size = align(16 + fields, 8) + body
            if len(self.data) < size:
                return
            self.found.append((self.data[1], member(self.data[:size])))
            self.data = self.data[size:]


class Proxy:
    """a socket at `path` that hands everything on to `target`, which may be covered afterwards,
    and notes the messages"""

    def __init__(self, path, target):
        self.messages, self.connections = [], 0
        self.target = f"/proc/self/fd/{os.open(target, os.O_PATH)}"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        ways = {client: (server, Stream(self.messages)), server: (client, Stream(self.messages))}
        while True:
            for end in select.select(list(ways), [], [])[0]:
                other, stream = ways[end]
                try:
                    data = end.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    client.close()
                    server.close()
                    return
                stream.add(data)
                other.sendall(data)

    def calls(self):
        return [name for kind, name in self.messages if kind == CALL]

    def signals(self, name):
        return [found for kind, found in self.messages if kind == SIGNAL and found == name]


@contextlib.contextmanager
def covered(path, by):
    """bind-mount for a while; the test has a mount namespace of its own"""
    subprocess.run(["mount", "--bind", by, path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def dead_socket(path):
    """a socket on which nobody listens"""
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    return path


