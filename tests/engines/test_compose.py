"""docker-compose: the two services of contrib/engines/compose.yaml, which know each other by
name, on a network of dockerd's."""
import os
import shutil

import kernel
from dockerd import Dockerd
from engine import Engine, snippet
from harness import SLOW, limit, needs, tag


def compose_in(t, d):
    """the command line, in a project of the test's"""
    project = t.path("project")
    os.makedirs(f"{project}/pages")
    with open(f"{project}/pages/index.html", "w") as f:
        f.write("a page\n")
    shutil.copy(snippet("compose.yaml"), f"{project}/compose.yaml")
    return Engine(t, "docker-compose", "--host", d.host, "--project-directory", project,
                  "--file", f"{project}/compose.yaml", "--project-name", "two",
                  env={"COMPOSE_HTTP_TIMEOUT": f"{60 * SLOW:g}"})


def two_services(t, d, compose):
    compose.ok("up", "-d", timeout=60)
    names = {found["Labels"]["com.docker.compose.service"]: found["Names"][0]
             for found in d.get("/containers/json")}
    t.equal(sorted(names), ["client", "web"])
    pid = d.pid(names["web"].lstrip("/"))
    t.equal(kernel.cgroup_value(pid, "pids", "pids.max"), "20")
    t.equal(kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max"),
            str(32 << 20))
    # The name is answered by dockerd, from inside of the container's network namespace.
    page = compose.ok("exec", "-T", "client", "sh", "-c",
                      "until wget -qO- http://web:8080/; do sleep 0.2; done", timeout=60)
    t.equal(page, "a page")
    shown = compose.ok("ps")
    t.equal(shown.count(" Up "), 2, f"services that are up in {shown!r}")
    compose.ok("down", "--timeout", "1", timeout=60)
    t.equal(d.get("/containers/json?all=1"), [])


@needs("root", "memory", "pids", "cmd:dockerd", "cmd:docker-compose", "cmd:iptables")
@tag("engine")
@limit(120)
def test_two_services(t):
    """up, exec by way of the other's name, ps, down"""
    d = Dockerd(t, "--add-runtime", f"skiff={t.binary}", "--exec-opt",
                "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{t.mark}", network=True)
    try:
        two_services(t, d, compose_in(t, d))
    finally:
        d.clean_up()
