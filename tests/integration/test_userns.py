"""User namespaces made by root, with ranges of ids."""
import os
import stat

import inside
import kernel
from bundle import add_user_namespace
from harness import needs


def mapped(t, **process):
    """a config in a user namespace whose root is 100000 outside"""
    config = add_user_namespace(t.config())
    config["process"].update(process)
    return config


@needs("root")
def test_mapping(t):
    """the ranges are those of the config, and the payload has the mapped ids"""
    config = mapped(t)
    linux = config["linux"]
    linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000},
                            {"containerID": 1000, "hostID": 500000, "size": 5}]
    linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 3000}]
    c = t.sleeper(config)
    t.equal(kernel.id_map(c.pid), [(0, 100000, 1000), (1000, 500000, 5)])
    t.equal(kernel.id_map(c.pid, "gid"), [(0, 200000, 3000)])
    fields = kernel.status(c.pid)
    t.equal((fields["Uid"].split(), fields["Gid"].split()), (["100000"] * 4, ["200000"] * 4))
    t.true("user" in kernel.own_namespaces(c.pid), "no user namespace")


@needs("root")
def test_user_and_groups(t):
    """user and groups of the config are ids of the container"""
    c = t.sleeper(mapped(t, user={"uid": 1000, "gid": 2000, "additionalGids": [3000, 7]}))
    fields = kernel.status(c.pid)
    t.equal((fields["Uid"].split(), fields["Gid"].split()), (["101000"] * 4, ["102000"] * 4))
    t.equal(sorted(fields["Groups"].split()), ["100007", "103000"])


@needs("root")
def test_unmapped_user(t):
    """a user without a mapping is refused"""
    t.fails(t.run(mapped(t, user={"uid": 70000, "gid": 0})), "process.user", rc=1)


@needs("root")
def test_capabilities(t):
    """the capability sets are the configured ones, as without a user namespace"""
    c = t.sleeper(inside.set_capabilities(mapped(t), "CHOWN", "NET_ADMIN"))
    expected = inside.capability_mask("CHOWN", "NET_ADMIN")
    t.equal(kernel.capabilities(c.pid),
            {"inh": 0, "prm": expected, "eff": expected, "bnd": expected, "amb": 0})


@needs("root")
def test_power_ends_at_the_namespace(t):
    """capabilities count for what belongs to the container's namespaces, not for the host's"""
    config = inside.set_capabilities(mapped(t), "NET_ADMIN", "SYS_ADMIN", "DAC_OVERRIDE", "CHOWN")
    shared = inside.share(t, config)
    os.chmod(shared, 0o755)
    result = t.sh("ip link set lo down; echo $?; touch /mnt/file 2>/dev/null; echo $?; "
                  "mount -t tmpfs none /tmp; echo $?", config)
    t.equal(result.out.split(), ["0", "1", "0"], "own network, the host's directory, own mount")
    t.equal(os.listdir(shared), [])


@needs("root")
def test_owned_by_the_namespace(t):
    """the other namespaces belong to the new user namespace: its root may change them"""
    config = inside.set_capabilities(mapped(t), "SYS_ADMIN", "NET_ADMIN")
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}
    result = t.sh("hostname other && hostname; cat /proc/sys/net/ipv4/ip_forward "
                  "/proc/sys/kernel/msgmax", config)
    t.equal(result.out.split(), ["other", "1", "4321"], result.err)


@needs("root")
def test_files_belong_to_the_mapped(t):
    """what the payload writes on the host has the mapped owner"""
    config = mapped(t, user={"uid": 5, "gid": 6})
    shared = inside.share(t, config)
    t.equal(t.sh("echo x >/mnt/file && stat -c %u:%g /mnt/file", config).out, "5:6\n")
    st = os.stat(shared + "/file")
    t.equal((st.st_uid, st.st_gid), (100005, 100006))


@needs("root")
def test_file_systems(t):
    """proc, sysfs, devpts, mqueue, shm and cgroup are mounted there as well, for its root"""
    c = t.sleeper(mapped(t))
    for point, fstype in (("/proc", "proc"), ("/dev/pts", "devpts"), ("/dev/mqueue", "mqueue"),
                          ("/dev/shm", "tmpfs"), ("/sys", "sysfs")):
        t.equal(kernel.mount_at(c.pid, point).fstype, fstype)
    st = os.stat(inside.root_path(c.pid, "/dev/shm"))
    t.equal((st.st_uid, st.st_gid), (100000, 100000), "owner of /dev/shm")
    t.true(kernel.mount_at(c.pid, "/sys/fs/cgroup"), "no cgroup mount")


@needs("root")
def test_root_owns_tmpfs(t):
    """directories made for mounts, and /dev, belong to the container's root"""
    config = inside.add_tmpfs(mapped(t), "/mnt")
    inside.add_tmpfs(config, "/mnt/a/b")
    c = t.sleeper(config)
    for path in ("/dev", "/mnt", "/mnt/a", "/mnt/a/b"):
        st = os.stat(inside.root_path(c.pid, path))
        t.equal((st.st_uid, st.st_gid, stat.S_ISDIR(st.st_mode)), (100000, 100000, True), path)


@needs("root")
def test_setgroups(t):
    """the payload may change its groups within the mapping, when it has the capability"""
    config = inside.set_capabilities(mapped(t), "SETGID", "SETUID")
    t.equal(kernel.read(f"/proc/{t.sleeper(config).pid}/setgroups").strip(), "allow")


@needs("root")
def test_exec(t):
    """exec enters the user namespace, with its users and capabilities"""
    config = inside.set_capabilities(mapped(t), "CHOWN", "KILL")
    c = t.sleeper(config)
    pid_file = t.path("exec.pid")
    t.ok("exec", "--detach", "--pid-file", pid_file, "--user", "7:8", c.id, "sleep", "9999")
    pid = int(kernel.read(pid_file))
    t.wait_until(lambda: kernel.argv(pid) == ["sleep", "9999"], what="the process")
    t.equal(kernel.namespaces(pid), kernel.namespaces(c.pid))
    fields = kernel.status(pid)
    t.equal((fields["Uid"].split()[0], fields["Gid"].split()[0]), ("100007", "100008"))
    result = c.sh("id -u; grep CapEff /proc/self/status")
    t.equal(result.out.split()[0], "0")
    t.equal(int(result.out.split()[-1], 16), inside.capability_mask("CHOWN", "KILL"))


@needs("root")
def test_init_is_not_root_outside(t):
    """also while it waits in `created`, init has no id and no capability of the host"""
    c = t.create(mapped(t))
    t.equal(kernel.status(c.pid)["Uid"].split(), ["100000"] * 4)
    t.equal(kernel.status(c.pid)["Gid"].split(), ["100000"] * 4)
    t.true("user" in kernel.own_namespaces(c.pid), "no user namespace")
