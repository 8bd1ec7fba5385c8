"""A seccomp agent: takes the listeners that a runtime hands over at a socket, and answers what
the filtered processes ask for."""
import array
import fcntl
import json
import os
import select
import socket
import struct
import threading
import time

from harness import SLOW

RECV, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1


class Agent:
    """Use as a context.  answer(number of the system call, arguments, pid) gives an errno, a
    value as ("value", n), or None to let the kernel go on.  `messages` has the texts that came."""

    def __init__(self, path, answer=lambda *_: 0):
        self.path, self.answer = path, answer
        self.messages, self.calls, self.faults = [], [], []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(path)
        self.sock.listen(8)
        self.wake = os.pipe()
        self.listeners = select.poll()
        self.open = set()
        self.listeners.register(self.sock, select.POLLIN)
        self.listeners.register(self.wake[0], select.POLLIN)
        self.thread = threading.Thread(target=self._work, daemon=True)

    def states(self, count=1):
        """the messages, once there are as many: whoever sent one does not wait until it is read"""
        end = time.monotonic() + 5 * SLOW
        while len(self.messages) < count and not self.faults and time.monotonic() < end:
            time.sleep(0.005)
        return [json.loads(text) for text in self.messages]

    def _work(self):
        try:
            while True:
                for fd, events in self.listeners.poll():
                    if fd == self.wake[0]:
                        return
                    if fd == self.sock.fileno():
                        self._take()
                    elif events & select.POLLIN:
                        self._serve(fd)
                    else:
                        self._end(fd)
        except Exception as fault:  # pylint: disable=broad-except
            self.faults.append(fault)

    def _end(self, fd):
        """The last process with this filter has gone.  To be asked before RECV: until Linux 6.11
        that waits for ever then."""
        self.listeners.unregister(fd)
        self.open.remove(fd)
        os.close(fd)

    def _take(self):
        """one connection: one message with one descriptor, then its end"""
        connection, _ = self.sock.accept()
        with connection:
            data, control, flags, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16))
            fds = array.array("i")
            for level, kind, raw in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(raw[:len(raw) - len(raw) % fds.itemsize])
            assert len(fds) == 1 and not flags & socket.MSG_CTRUNC, (fds, flags)
            assert connection.recv(1) == b"", "more than one message"
        self.messages.append(data.decode())
        self.open.add(fds[0])
        self.listeners.register(fds[0], select.POLLIN)

    def _serve(self, fd):
        request = bytearray(80)
        try:
            fcntl.ioctl(fd, RECV, request)
        except FileNotFoundError:  # the process has gone
            return
        ident, pid, _, number, _, _, *args = struct.unpack("QIIiIQ6Q", request)
        self.calls.append((number, args, pid))
        said = self.answer(number, args, pid)
        if said is None:
            reply = struct.pack("QqiI", ident, 0, 0, CONTINUE)
        elif isinstance(said, tuple):
            reply = struct.pack("QqiI", ident, said[1], 0, 0)
        else:
            reply = struct.pack("QqiI", ident, 0, -said, 0)
        try:
            fcntl.ioctl(fd, SEND, bytearray(reply))
        except FileNotFoundError:
            pass  # a signal was quicker

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.write(self.wake[1], b"x")
        self.thread.join()
        self.sock.close()
        for fd in (*self.wake, *self.open):
            os.close(fd)
        os.unlink(self.path)
