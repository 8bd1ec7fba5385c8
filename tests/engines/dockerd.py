"""dockerd as a test's own daemon, above a containerd of the test's; everything it writes is in
the test's directory.  `docker` is for what streams and statuses are part of; the rest is asked
over the socket as `docker` does it, which costs an emulated machine less."""
import http.client
import json
import os
import socket
import time

import views
from containerd import Containerd
from engine import Daemon, Engine, image_tar
from harness import SLOW, Failure

NO_NETWORK = ("--bridge=none", "--iptables=false", "--ip6tables=false")
# Bridges and packet filters in a namespace of the daemon's, gone with it.
OWN_NETWORK = ("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "-")


class Connection(http.client.HTTPConnection):
    """HTTP over a socket of the file system"""

    def __init__(self, path):
        super().__init__("docker")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30 * SLOW)
        self.sock.connect(self.path)


class Dockerd(Daemon):
    """a running dockerd with one image, "box"; `docker` is its command line"""

    def __init__(self, t, *options, config=None, network=False):
        self.socket, config_file = t.path("docker.sock"), t.path("daemon.json")
        with open(config_file, "w") as f:
            json.dump(config or {}, f)
        self.containerd = Containerd(t)
        self.host = f"unix://{self.socket}"
        super().__init__(
            t, "dockerd", *(OWN_NETWORK if network else ()), "dockerd", "--config-file",
            config_file, "--host", self.host,
            "--data-root", t.path("docker"), "--exec-root", t.path("docker.run"),
            "--pidfile", t.path("docker.pid"), "--containerd", self.containerd.address,
            "--containerd-namespace", t.mark, "--storage-driver", "vfs",
            *(() if network else NO_NETWORK), *options)
        self.docker = Engine(t, "docker", "--host", self.host, env={"DOCKER_CONFIG": t.dir})
        self.wait_ready(lambda: os.path.exists(self.socket))
        with open(image_tar(t), "rb") as f:
            self.ask("POST", "/images/create?fromSrc=-&repo=box", f.read(), "application/x-tar")

    def ask(self, method, path, body=None, kind="application/json"):
        """one request: the bytes of the answer"""
        connection = Connection(self.socket)
        connection.request(method, f"/v1.41{path}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise Failure(f"{method} {path}: {text.decode()}")
        return text

    def get(self, path):
        return json.loads(self.ask("GET", path))

    def post(self, path, body=None):
        text = self.ask("POST", path, body and json.dumps(body))
        return json.loads(text) if text else None

    def error(self, *request):
        """a request that must fail: what is answered"""
        try:
            self.ask(*request[:2], json.dumps(request[2]))
        except Failure as answer:
            return str(answer)
        raise Failure(f"{request} succeeded")

    def inspect(self, name):
        return self.get(f"/containers/{name}/json")

    def pid(self, name):
        pid = self.inspect(name)["State"]["Pid"]
        if not pid:
            raise Failure(f"{name} does not run: {self.logs(name)}")
        return pid

    def logs(self, name):
        """what a container without a terminal has printed, with the frames' heads"""
        return self.ask("GET", f"/containers/{name}/logs?stdout=1&stderr=1").decode("latin-1")

    def events(self):
        """the names of all events until now"""
        lines = self.ask("GET", f"/events?since=1&until={time.time():.9f}").splitlines()
        return [json.loads(line)["Action"].partition(":")[0] for line in lines]

    def remove(self, name):
        self.ask("DELETE", f"/containers/{name}?force=1")

    def clean_up(self):
        """Remove every container, and end both daemons."""
        for found in self.get("/containers/json?all=1"):
            self.remove(found["Id"])
        self.stop()
        views.unmount(self.t.path("docker.run/netns/default"))  # of --network host
        self.containerd.clean_up()
