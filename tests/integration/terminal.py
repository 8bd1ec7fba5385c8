"""Terminals: for containers whose process.terminal is true.

ConsoleSocket takes the terminal that `create --console-socket` sends; CommandTerminal runs a
command on a terminal of its own, as a person does, Terminal the program under test.  All read
and write by the class Screen."""
import array
import fcntl
import os
import select
import socket
import struct
import subprocess
import termios
import time

from harness import SLOW, Failure


class Screen:
    """the master side of a terminal"""

    def __init__(self, fd):
        self.fd, self.text = fd, ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def size(self):
        packed = fcntl.ioctl(self.fd, termios.TIOCGWINSZ, bytes(8))
        return struct.unpack("4H", packed)[:2]

    def read_until(self, part, seconds=5):
        """all shown so far, once it has `part`; None: until the other side closes"""
        end = time.monotonic() + seconds * SLOW
        while part is None or part not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failure(f"terminal lacks {part!r}: {self.text!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has the other side open
                data = b""
            if not data:
                if part is None:
                    break
                raise Failure(f"terminal closed without {part!r}: {self.text!r}")
            self.text += data.decode("utf-8", "replace")
        return self.text

    def close(self):
        os.close(self.fd)


class ConsoleSocket:
    """listens at `path` for one terminal"""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(1)

    def receive(self, seconds=5):
        """the Screen that was sent"""
        self.socket.settimeout(seconds * SLOW)
        peer, _ = self.socket.accept()
        peer.settimeout(seconds * SLOW)
        _, messages, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(16))
        peer.close()
        fds = array.array("i")
        for level, kind, data in messages:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        if len(fds) != 1:
            raise Failure(f"{len(fds)} descriptors came over the console socket")
        return Screen(fds[0])


class CommandTerminal(Screen):
    """CommandTerminal(t, "podman", "run", "-it", ...): any command on a terminal of its own"""

    def __init__(self, t, *argv, rows=24, columns=80, env=None):
        master, slave = os.openpty()
        super().__init__(master)
        self.resize(rows, columns)
        t.reap()
        self.process = t.spawn(
            *argv, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)

    def wait(self, seconds=5):
        """the command's exit status"""
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end after {seconds * SLOW:g} s: {self.text!r}") from None


class Terminal(CommandTerminal):
    """Terminal(t, "run", ...): the program under test on a terminal of its own"""

    def __init__(self, t, *args, **how):
        super().__init__(t, t.binary, "--root", t.root, *args, **how)
