"""The bundles of the tests: one root file system made of busybox-static, and the config that a
test starts from."""
import copy
import json
import os
import shutil
import subprocess

DIRS = ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var")
PASSWD = ("root:x:0:0:root:/root:/bin/sh\n"
          "user:x:1000:1000:user:/home:/bin/sh\n"
          "nobody:x:65534:65534:nobody:/:/bin/false\n")
GROUP = "root:x:0:\nuser:x:1000:\nextra:x:2000:user\nnogroup:x:65534:\n"
HARD = ["nosuid", "noexec", "nodev"]

DEFAULT = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/true"],
        "env": ["PATH=/bin:/sbin", "TERM=dumb"],
        "cwd": "/",
        "capabilities": {name: ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
                         for name in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": True},
    "hostname": "skiff-test",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
                     "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": HARD + ["mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": HARD},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": HARD + ["ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": HARD + ["relatime", "ro"]},
    ],
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list",
                        "/proc/scsi", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                          "/proc/sysrq-trigger"],
    },
}


def default_config(*args):
    """a copy of the default config, to be changed at will; args replace the payload"""
    config = copy.deepcopy(DEFAULT)
    if args:
        config["process"]["args"] = list(args)
    return config


def add_user_namespace(config, outside=100000, count=65536):
    """let the config run in a user namespace whose root is the host's id `outside`"""
    linux = config["linux"]
    linux["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        linux[name] = [{"containerID": 0, "hostID": outside, "size": count}]
    return config


def make_rootfs(path):
    """busybox with a link for each applet, and the few files that programs expect"""
    for name in DIRS:
        os.makedirs(f"{path}/{name}", exist_ok=True)
    os.chmod(f"{path}/tmp", 0o1777)
    busybox = shutil.which("busybox")
    if not busybox:
        raise SystemExit("run.py: busybox (Debian: busybox-static) is missing")
    shutil.copy(busybox, f"{path}/bin/busybox")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for applet in set(listed.stdout.split()) - {"busybox"}:
        os.symlink("busybox", f"{path}/bin/{applet}")
    for name, text in (("passwd", PASSWD), ("group", GROUP)):
        with open(f"{path}/etc/{name}", "w", encoding="utf-8") as f:
            f.write(text)


def copy_rootfs(source, path):
    """a private copy that the test may write to and let the container write to"""
    shutil.copytree(source, path, symlinks=True)
    return path


def write_bundle(path, config, rootfs):
    """write config.json; a config whose root is "rootfs" (the default) gets `rootfs` instead"""
    os.makedirs(path, exist_ok=True)
    if isinstance(config, dict):
        if config.get("root", {}).get("path") == "rootfs":
            config = dict(config, root=dict(config["root"], path=rootfs))
        config = json.dumps(config, indent=1)
    mode = "wb" if isinstance(config, bytes) else "w"
    with open(f"{path}/config.json", mode) as f:
        f.write(config)
    return path
