"""The shim without containerd: started and asked as containerd would, and as it never would."""
import json
import os
import signal
import subprocess
import time

import kernel
import ttrpc
from harness import SLOW, Failure
from protobuf import fields, number, text
from shim import NAME, program

NAMESPACE = "direct"
SERVICE = "containerd.task.v2.Task"


def any_of(type_url, value):
    return text(1, type_url) + text(2, value)


class Direct:
    """a shim's server with a container to be; its sockets and state are in the test's directory"""

    def __init__(self, t, config=None, socket_dir=None):
        self.t, self.id, self.execs = t, t.new_id(), 0
        self.program, self.socket_dir = f"{program(t)}/{NAME}", socket_dir or t.path("s")
        self.bundle = t.bundle(config or self.sleeper(t))
        os.makedirs(f"{self.bundle}/rootfs", exist_ok=True)
        self.options = any_of("containerd.runc.v1.Options", text(7, t.root))
        self.client = self.path = None

    @staticmethod
    def sleeper(t):
        return t.config("/bin/sleep", "100000")

    def words(self, *more):
        return [self.program, "-namespace", NAMESPACE, "-id", self.id, "-address",
                self.t.path("c.sock"), "-publish-binary", "/bin/true", *more]

    def try_start(self, env=None):
        """`start` as containerd 2.3 does it: the process that has ended"""
        stdin = (text(1, self.id) + text(2, NAMESPACE) + text(8, text(1, self.options))
                 + text(9, self.socket_dir))
        return subprocess.run(self.words("start"), cwd=self.bundle, input=stdin, timeout=20 * SLOW,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "TTRPC_ADDRESS": "", **(env or {})})

    def start(self, **how):
        result = self.try_start(**how)
        if result.returncode:
            raise Failure(f"start: {result.stdout!r}")
        self.path = fields(result.stdout)[2][0].decode().removeprefix("unix://")
        self.client = self.connect()
        self.pid = fields(self.ok("Connect", self.who()))[1][0]
        return self

    def connect(self):
        return ttrpc.Client(self.path)

    def who(self, exec_id=""):
        return text(1, self.id) + (text(2, exec_id) if exec_id else b"")

    def call(self, method, payload):
        """(code, message, payload)"""
        return self.client.call(method, payload, SERVICE)

    def ok(self, method, payload):
        code, message, answer = self.call(method, payload)
        if code:
            raise Failure(f"{method}: {code}: {message}")
        return answer

    def try_create(self, *fields_, bundle=None):
        return self.call("Create", self.who() + text(2, bundle or self.bundle)
                         + text(10, self.options) + b"".join(fields_))

    def create(self, *fields_, **how):
        """the pid of init"""
        code, message, answer = self.try_create(*fields_, **how)
        if code:
            raise Failure(f"Create: {code}: {message}")
        return fields(answer)[1][0]

    def run(self, *fields_):
        pid = self.create(*fields_)
        self.ok("Start", self.who())
        return pid

    def exec(self, *args, streams=b""):
        """the id of a process that runs"""
        self.execs += 1
        name = f"e{self.execs}"
        spec = json.dumps({"args": args, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}})
        self.ok("Exec", self.who(name) + streams + text(7, any_of("Process", spec)))
        self.ok("Start", self.who(name))
        return name

    def wait(self, name=""):
        """its status"""
        return fields(self.ok("Wait", self.who(name))).get(1, [0])[0]

    def is_well(self):
        """whether it answers another client"""
        return self.connect().call("Connect", self.who(), SERVICE)[0] == 0

    def kill(self):
        self.ok("Kill", self.who() + number(3, signal.SIGKILL) + number(4, 1))
        return self.wait()

    def end(self):
        """kill, delete and Shutdown; then nothing is left"""
        self.kill()
        self.ok("Delete", self.who())
        self.shutdown()

    def shutdown(self):
        self.ok("Shutdown", self.who())
        self.t.wait_until(lambda: not kernel.is_alive(self.pid), 5, "the shim's end")
        self.t.true(not os.path.exists(self.path), "the socket is left")

    def delete_action(self, *more, cwd=None):
        """`delete` as containerd does it: the process that has ended"""
        return subprocess.run(self.words(*(more or ("-bundle", self.bundle)), "delete"), check=False,
                              cwd=cwd or self.bundle, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=20 * SLOW, stdin=subprocess.DEVNULL)

    def memory(self):
        """KB that are the shim's own"""
        rollup = kernel.read(f"/proc/{self.pid}/smaps_rollup")
        return sum(int(line.split()[1]) for line in rollup.splitlines()
                   if line.startswith(("Private_Dirty:", "Private_Clean:")))

    def settled_memory(self):
        time.sleep(0.1)
        return self.memory()
