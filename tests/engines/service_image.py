"""The web service (service/main.go) as a container image, and the words to talk to it.

The image is one archive that every engine loads: an OCI layout that is docker-archive, too
(manifest.json beside index.json, both naming the same blobs)."""
import ctypes
import hashlib
import http.client
import io
import json
import os
import subprocess
import tarfile
import threading

import kernel

NAME = "localhost/skiff-service:1"
PORT = 8080
CLONE_NEWNET = 0x40000000
CREATED = "2000-01-01T00:00:00Z"
GO_BUILD = ("go", "build", "-trimpath", "-ldflags", "-s -w", "-o")

libc = ctypes.CDLL(None, use_errno=True)


def binary(t):
    """The service's static program: where tests/vm/run -f has put it, or built now."""
    here = os.path.dirname(os.path.realpath(__file__))
    given = f"{os.path.dirname(here)}/service"
    if os.path.isfile(given):
        return given
    built = t.path("service")
    subprocess.run([*GO_BUILD, built, f"{here}/service/main.go"], check=True,
                   env={**os.environ, "CGO_ENABLED": "0"})
    return built


def layer(t):
    """the image's only layer, an uncompressed tar of one file"""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar, open(binary(t), "rb") as program:
        member = tarfile.TarInfo("service")
        member.size, member.mode = os.path.getsize(program.name), 0o755
        tar.addfile(member, program)
    return data.getvalue()


class Archive:
    """an image archive that is being written: blobs by their digest, and other files"""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w")

    def add(self, name, data):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self.tar.addfile(member, io.BytesIO(data))
        return data

    def blob(self, kind, data):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.add(f"blobs/sha256/{digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(data),
                "digest": f"sha256:{digest}"}


def archive(t):
    """the path of the image's archive"""
    path = t.path("service.tar")
    if os.path.exists(path):
        return path
    image, content = Archive(path), layer(t)
    rootfs = image.blob("layer.v1.tar", content)
    config = image.blob("config.v1+json", {
        "architecture": "amd64", "os": "linux", "created": CREATED,
        "config": {"Entrypoint": ["/service"], "WorkingDir": "/",
                   "ExposedPorts": {f"{PORT}/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [rootfs["digest"]]},
        "history": [{"created": CREATED, "created_by": "tests/engines/service"}]})
    manifest = image.blob("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [rootfs]})
    # The three engines look for the name in different places.
    manifest["annotations"] = {"org.opencontainers.image.ref.name": NAME,
                               "io.containerd.image.name": NAME}
    path_of = lambda blob: "blobs/" + blob["digest"].replace(":", "/")
    image.add("oci-layout", {"imageLayoutVersion": "1.0.0"})
    image.add("index.json", {"schemaVersion": 2, "manifests": [manifest]})
    image.add("manifest.json", [{"Config": path_of(config), "RepoTags": [NAME],
                                 "Layers": [path_of(rootfs)]}])
    image.tar.close()
    return path


def unpacked(t):
    """a bundle's root file system, made of the image"""
    root = t.path("service-rootfs")
    os.mkdir(root)
    with tarfile.open(fileobj=io.BytesIO(layer(t))) as tar:
        tar.extractall(root)
    for name in ("proc", "dev", "sys"):
        os.mkdir(f"{root}/{name}")
    return root


def ask(path, address="127.0.0.1", pid=None):
    """What the service answers, None when it does not.  By its address, or from inside the
    network namespace of pid: only this call's thread goes there."""
    answer = []

    def work():
        if pid is not None:
            with open(f"/proc/{pid}/ns/net", "rb") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) < 0:
                    raise OSError(ctypes.get_errno(), "setns")
        connection = http.client.HTTPConnection(address, PORT, timeout=60)
        try:
            connection.request("GET", path)
            answer.append(connection.getresponse().read().decode())
        except (OSError, http.client.HTTPException):
            pass  # not yet, or killed in the middle
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return answer[0] if answer else None


def limit_files(pid):
    """(memory limit, CPU quota in per cent) as the kernel has them for the process"""
    memory = kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max")
    quota = kernel.cgroup_value(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0]
    return memory, quota


def expect_service(t, asker, pid, memory):
    """A fresh service answers: asker is ask() or a function like it.  Its limits are `memory`
    and half a CPU."""
    t.wait_until(lambda: "request 1\n" in (asker("/") or ""), 20, "the service's answer")
    t.contains(asker("/fill?mib=1"), "1 MiB kept")
    t.equal(limit_files(pid), (str(memory), "50000"), "limits")
