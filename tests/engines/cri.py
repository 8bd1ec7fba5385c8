"""A client for CRI, the interface by which the kubelet drives containerd: gRPC over HTTP/2 over a
socket, as much of each as one unary call needs.  A message is {field's number: value}; a value is
a string, bytes, a number, a message, or a list of them."""
import socket
import struct

import protobuf
from harness import SLOW, Failure

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def encode(message):
    """a message in protobuf's form"""
    out = b""
    for field, values in message.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                out += protobuf.number(field, value)
            else:
                out += protobuf.text(field, encode(value) if isinstance(value, dict) else value)
    return out


def decode(data):
    """{field's number: the last value}: numbers, or bytes"""
    return {field: values[-1] for field, values in protobuf.fields(data).items()}


def frame(kind, flags, stream, data=b""):
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) \
        + data


def header(name, value):
    """a field as HPACK has it when nothing is remembered or compressed"""
    return bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class Cri:
    """runtime.v1's service of a Containerd"""

    def __init__(self, daemon):
        self.daemon = daemon
        daemon.wait_ready(self._answers)  # it begins after the daemon's other services

    def _answers(self):
        try:
            return self.call("Status", {})
        except Failure:
            return None

    def call(self, method, message):
        """a request's answer, decoded"""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60 * SLOW)
            s.connect(self.daemon.address)
            fields = ((":method", "POST"), (":scheme", "http"), (":authority", "localhost"),
                      (":path", f"/runtime.v1.RuntimeService/{method}"), ("te", "trailers"),
                      ("content-type", "application/grpc"))
            head = b"".join(header(*field) for field in fields)
            body = encode(message)
            s.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, head)
                      + frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(body)) + body))
            answer = self._receive(s, s.makefile("rb"))
        if not answer:  # the reason is in the header's compressed fields, and in the log
            words = [row for row in self.daemon.words().splitlines() if "level=error" in row ]
            raise Failure(f"{method}: refused: {words[-1:]}")
        return decode(answer[5:])

    def _receive(self, s, f):
        """the answer's data; none if it was refused"""
        data = b""
        while True:
            head = f.read(9)
            if len(head) < 9:
                return data
            content = f.read(int.from_bytes(head[:3], "big"))
            kind, flags = head[3], head[4]
            if kind == DATA:
                data += content
            if kind in (SETTINGS, PING) and not flags & ACK:
                s.sendall(frame(kind, ACK, 0, content if kind == PING else b""))
            if kind in (RESET, GOAWAY) or kind in (DATA, HEADERS) and flags & END_STREAM:
                return data
