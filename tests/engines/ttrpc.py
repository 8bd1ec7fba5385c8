"""A small ttrpc client: enough protobuf to ask a shim, and to ask it wrongly."""
import socket
import struct

from protobuf import fields, text

REQUEST, RESPONSE, DATA = 1, 2, 3


class Client:
    """a connection to a shim"""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # before the time limit: it waits where the queue is full
        self.socket.settimeout(20)
        self.stream = -1

    def frame(self, payload, kind=REQUEST, stream=None):
        if stream is None:
            self.stream += 2
            stream = self.stream
        self.socket.sendall(struct.pack(">IIBB", len(payload), stream, kind, 0) + payload)
        return stream

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                return None
            data += part
        return data

    def answer(self):
        """(stream, code, message, payload) of the next frame; None: the connection has ended"""
        header = self.read(10)
        if header is None:
            return None
        size, stream, _, _ = struct.unpack(">IIBB", header)
        response = fields(self.read(size) if size else b"")
        status = fields(response.get(1, [b""])[0])
        return (stream, status.get(1, [0])[0], status.get(2, [b""])[0].decode(),
                response.get(2, [b""])[0])

    def call(self, method, payload, service="containerd.task.v2.Task"):
        self.frame(text(1, service) + text(2, method) + text(3, payload))
        return self.answer()[1:]

    def is_closed(self):
        try:
            return self.answer() is None
        except ConnectionResetError:
            return True
