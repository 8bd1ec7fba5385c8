"""The tests' root file system as an OCI image archive, for engines that take no plain tar."""
import hashlib
import io
import json
import os
import tarfile

from engine import image_tar


def add(tar, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def blob(tar, kind, data):
    """store the data under its digest: the descriptor"""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    digest = hashlib.sha256(data).hexdigest()
    add(tar, f"blobs/sha256/{digest}", data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(data),
            "digest": f"sha256:{digest}"}


def oci_archive(t, name, command):
    """the path of an archive with one image of that name"""
    path = t.path("oci.tar")
    with tarfile.open(path, "w") as tar, open(image_tar(t), "rb") as f:
        layer = blob(tar, "layer.v1.tar", f.read())
        config = blob(tar, "config.v1+json", {
            "architecture": "arm64" if os.uname().machine == "aarch64" else "amd64",
            "os": "linux", "config": {"Cmd": command, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
        manifest = blob(tar, "manifest.v1+json",
                        {"schemaVersion": 2, "config": config, "layers": [layer]})
        manifest["annotations"] = {"io.containerd.image.name": name}
        add(tar, "index.json",
            json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    return path
