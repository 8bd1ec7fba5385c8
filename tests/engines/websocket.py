"""A client for WebSocket as streams of CRI need it: subprotocol v4.channel.k8s.io, in which the
first byte of a message says which stream it is of."""
import base64
import os
import socket
import struct
import urllib.parse

from harness import SLOW, Failure

INPUT, OUTPUT, ERRORS, STATUS, SIZE = range(5)
BINARY, CLOSE, PING = 2, 8, 9


class Streams:
    """the streams at a URL; `received` has what came, by stream"""

    def __init__(self, url):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port), timeout=20 * SLOW)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {at.path}?{at.query} HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        if b" 101 " not in status:
            raise Failure(f"{url}: {status}")
        while self.file.readline().strip():
            pass
        self.received = {}

    def send(self, stream, data):
        payload = bytes([stream]) + data
        assert len(payload) < 126
        mask = bytes(4)  # its bytes may be any
        self.socket.sendall(bytes([0x80 | BINARY, 0x80 | len(payload)]) + mask + payload)

    def receive(self, wanted=None):
        """until the server has closed, or `wanted` has come: what came of the output"""
        while wanted is None or wanted not in self.received.get(OUTPUT, b""):
            head = self.file.read(2)
            if len(head) < 2 or head[0] & 15 == CLOSE:
                break
            size = head[1] & 127
            if size > 125:
                size, = struct.unpack(*((">H", self.file.read(2)) if size == 126
                                        else (">Q", self.file.read(8))))
            data = self.file.read(size)
            if data and head[0] & 15 != PING:
                self.received[data[0]] = self.received.get(data[0], b"") + data[1:]
        return self.received.get(OUTPUT, b"")

    def close(self):
        self.socket.close()
