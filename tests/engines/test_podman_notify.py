"""sd_notify: what a service of systemd's that starts a container by Podman is told."""
import os
import socket

import kernel
from harness import SLOW, limit, needs, tag
from podman import IMAGE, Podman

READY = ("import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
         " s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET']); import time; time.sleep(100000)")


def heard_of(t, mode, *args):
    """start a container: all that is told until READY=1"""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(t.path("manager"))
    manager.settimeout(60 * SLOW)
    heard = ""
    with Podman(t) as podman:
        podman.env["NOTIFY_SOCKET"] = t.path("manager")
        c = podman.start("--sdnotify", mode, *args)
        while "READY=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"
        t.contains(heard, f"MAINPID={c.inspect('.State.ConmonPid')}\n")
        t.equal("NOTIFY_SOCKET" in kernel.environ(c.pid), mode == "container")
        del podman.env["NOTIFY_SOCKET"]
        c.remove()


@needs("cmd:podman", "cmd:python3")
@tag("engine", "slow")
@limit(300)
def test_container(t):
    """--sdnotify=container: READY=1 of the payload reaches who started Podman"""
    host = [word for name in ("usr", "lib", "lib64")
            for word in ("--volume", f"{os.path.realpath(f'/{name}')}:/{name}:ro")]
    heard_of(t, "container", *host, IMAGE, "/usr/bin/python3", "-c", READY)


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_conmon(t):
    """--sdnotify=conmon: a container that runs is ready, and knows nothing of it"""
    heard_of(t, "conmon", IMAGE, "sleep", "100000")
