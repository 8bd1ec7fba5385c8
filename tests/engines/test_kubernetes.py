"""A pod as the kubelet makes it: containerd's CRI service with the snippets of contrib/engines, and
a runtime handler for the class that the Kubernetes snippet defines."""
import re
import tomllib

import kernel
from containerd import Containerd
from cri import Cri
from engine import snippet
from harness import limit, needs, tag
from pods import (ADDRESS, IMAGE, REST, container_config, containerd_major, import_image, memory_limit,
                  pid_of, pod_config)


def documents(name):
    """all of a YAML file"""
    import yaml  # of Debian's docker-compose: only here, so that the other tests need it not
    with open(snippet(name)) as f:
        return list(yaml.safe_load_all(f))


def handler(t):
    """the handler of the class that the snippet's pod names"""
    runtime_class, pod_of_class = documents("kubernetes.yaml")
    t.equal((runtime_class["kind"], pod_of_class["kind"]), ("RuntimeClass", "Pod"))
    t.equal(pod_of_class["spec"]["runtimeClassName"], runtime_class["metadata"]["name"])
    return runtime_class["handler"]


def config(t, major, systemd):
    """the snippet with the program under test, and what keeps the daemon to the test"""
    with open(snippet(f"containerd-{major}.toml")) as f:
        version, _, rest = f.read().partition("\n")
    t.contains(rest, "/usr/local/bin/skiff")
    rest = rest.replace("/usr/local/bin/skiff", t.binary)
    rest = rest if systemd else rest.replace("SystemdCgroup = true", "SystemdCgroup = false")
    return (f'{version}\nroot = "{{dir}}/containerd"\nstate = "{{dir}}/containerd.run"\n{rest}'
            + REST[major].format(image=IMAGE) + ADDRESS)


def pod(t, cri, parent):
    """a pod's life"""
    sandbox = cri.call("RunPodSandbox", {1: pod_config(t, parent), 2: handler(t)})[1]
    try:
        container(t, cri, parent, sandbox)
    finally:
        cri.call("StopPodSandbox", {1: sandbox})
        cri.call("RemovePodSandbox", {1: sandbox})


def container(t, cri, parent, sandbox):
    """the life of a pod's container"""
    ident = cri.call("CreateContainer", {1: sandbox, 2: container_config(),
                                         3: pod_config(t, parent)})[1]
    cri.call("StartContainer", {1: ident})
    found = cri.call("ExecSync", {1: ident, 2: ["/bin/sh", "-c", "exit 3"], 3: 100})
    t.equal(found[3], 3, "status of an exec")
    t.wait_until(lambda: "stdout F ready" in kernel.read(t.path("logs/main.log")), what="log")
    pid = pid_of(ident.decode())
    t.equal(memory_limit(pid), str(64 << 20))
    t.equal(kernel.namespace(pid, "net"), kernel.namespace("self", "net"))
    cri.call("UpdateContainerResources", {1: ident, 2: {4: 96 << 20}})
    t.equal(memory_limit(pid), str(96 << 20))
    cri.call("StopContainer", {1: ident})
    cri.call("RemoveContainer", {1: ident})


def scenario(t, systemd, parent):
    major = containerd_major(t)
    daemon = Containerd(t, config(t, major, systemd), namespace="k8s.io")
    try:
        import_image(t, daemon.ctr)
        pod(t, Cri(daemon), parent)
    finally:
        daemon.clean_up()


def runtimes(name, plugin):
    with open(snippet(name), "rb") as f:
        config_ = tomllib.load(f)
    return config_["version"], config_["plugins"][plugin]["containerd"]["runtimes"]


@tag("engine")
def test_snippets_agree(t):
    """The snippets are of one mind: both containerds' files define the handler of the class that
    the pod and the Helm values name."""
    version, first = runtimes("containerd-1.toml", "io.containerd.grpc.v1.cri")
    t.equal(version, 2)
    version, second = runtimes("containerd-2.toml", "io.containerd.cri.v1.runtime")
    t.equal(version, 3)
    t.equal(first, second)
    t.contains(first, handler(t))
    values, = documents("helm-values.yaml")
    t.equal(values["runtimeClassName"], documents("kubernetes.yaml")[0]["metadata"]["name"])


@tag("engine")
def test_selinux_note(t):
    """The commands of selinux.md name what `make install` installs."""
    with open(snippet("selinux.md")) as f:
        patterns = re.findall(r"^    semanage fcontext .* '(.*)'$", f.read(), re.M)
    for path in ("/usr/local/bin/skiff", "/usr/local/libexec/skiff/skiff-net",
                 "/usr/local/libexec/skiff/skiff-systemd"):
        t.equal(sum(bool(re.fullmatch(pattern, path)) for pattern in patterns), 1, path)


@needs("root", "memory", "cpu", "cmd:containerd")
@tag("engine", "slow")
@limit(60)
def test_pod_cgroupfs(t):
    """a pod of the class, its cgroups made by the runtime"""
    scenario(t, False, f"/{t.mark}")


@needs("root", "systemd", "vm", "cmd:containerd")
@tag("engine")
@limit(60)
def test_pod_systemd(t):
    """a pod of the class in scopes of systemd, by the snippet as it is"""
    scenario(t, True, "system.slice")
