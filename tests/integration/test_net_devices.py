"""linux.netDevices: devices of the host move into the container's network namespace.

Each test has a network namespace of its own, which stands for the host's."""
import ctypes
import json
import os
import shutil
import signal

import inside
import kernel
from bundle import add_user_namespace
from harness import needs
from test_rootless import run as rootless_run, user_config

CLONE_NEWNET = 0x40000000


def host(t, *devices):
    """enter a new network namespace with these veth devices; the other end of X is named X-peer"""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        t.skip("no new network namespace")
    if t.command("sysctl", "-q", "net.ipv6.conf.default.accept_dad=0").rc:
        t.skip("no IPv6")
    for name in devices:
        add_veth(t, name, f"{name}-peer")


def add_veth(t, name, peer):
    r = t.command("ip", "link", "add", name, "type", "veth", "peer", "name", peer)
    if r.rc:
        t.skip("the kernel has no veth devices")


def ip(t, *args, pid=None):
    enter = ("nsenter", "-t", str(pid), "-n") if pid else ()
    r = t.command(*enter, "ip", *args)
    t.equal(r.rc, 0, f"ip {' '.join(args)}: {r.err}")
    return r.out


def devices(t, pid=None):
    """{name: {"up": .., "mac": .., "mtu": .., "addresses": [..]}} of a network namespace"""
    return {d["ifname"]: {"up": "UP" in d["flags"], "mac": d["address"], "mtu": d["mtu"],
                          "addresses": sorted(f"{a['local']}/{a['prefixlen']}"
                                              for a in d["addr_info"] if a["scope"] != "link")}
            for d in json.loads(ip(t, "-j", "addr", "show", pid=pid)) if d["ifname"] != "lo"}


def moving(t, **names):
    config = t.config("/bin/sleep", "100000")
    config["linux"]["netDevices"] = {name: {"name": new} if new else {}
                                     for name, new in names.items()}
    if not any(n["type"] == "network" for n in config["linux"]["namespaces"]):
        config["linux"]["namespaces"].append({"type": "network"})
    return config


def namespace(config):
    return next(n for n in config["linux"]["namespaces"] if n["type"] == "network")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_moved(t):
    """the device is in the container and no longer on the host: up, with its MAC, MTU and
    addresses; one is renamed, one keeps its name"""
    host(t, "veth0", "veth1")
    ip(t, "link", "set", "veth0", "mtu", "1400", "address", "02:00:00:00:00:07")
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0")
    ip(t, "addr", "add", "10.9.0.3/24", "dev", "veth0")
    ip(t, "addr", "add", "2001:db8::2/64", "dev", "veth0")
    ip(t, "link", "set", "veth1", "up")
    c = t.create(moving(t, veth0="net0", veth1=None))
    found = devices(t, c.pid)
    t.equal(sorted(found), ["net0", "veth1"])
    t.equal(found["net0"], {"up": True, "mac": "02:00:00:00:00:07", "mtu": 1400, "addresses":
                            ["10.9.0.2/24", "10.9.0.3/24", "2001:db8::2/64"]})
    t.true(found["veth1"]["up"], "veth1 is up")
    t.equal(sorted(devices(t)), ["veth0-peer", "veth1-peer"])
    c.start()
    c.kill()
    c.wait_stopped()
    c.delete()


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_used_by_payload(t):
    """run: the payload sees the device, and reaches the other end through it"""
    host(t, "veth0")
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0")
    ip(t, "addr", "add", "10.9.0.1/24", "dev", "veth0-peer")
    ip(t, "link", "set", "veth0-peer", "up")
    config = moving(t, veth0="eth0")
    config["process"]["args"] = ["/bin/sh", "-c", "ip -o -4 addr show eth0; ping -c 1 10.9.0.1"]
    inside.set_capabilities(config, "NET_RAW")
    r = t.run(config)
    t.equal(r.rc, 0, r.out + r.err)
    t.contains(r.out, "10.9.0.2/24")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_addresses_that_stay(t):
    """what is not permanent or not global stays behind: limited lifetimes, scope link"""
    host(t, "veth0")
    ip(t, "link", "set", "veth0", "up")
    ip(t, "link", "set", "veth0-peer", "up")
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0", "label", "veth0:7", "brd", "10.9.0.255")
    ip(t, "addr", "add", "10.9.1.2/24", "dev", "veth0", "valid_lft", "600", "preferred_lft", "600")
    ip(t, "addr", "add", "10.9.2.2/24", "dev", "veth0", "scope", "link")
    ip(t, "addr", "add", "2001:db8::2/64", "dev", "veth0", "noprefixroute")
    ip(t, "addr", "add", "2001:db8::3/64", "dev", "veth0", "valid_lft", "600",
       "preferred_lft", "600")
    before = [a["local"] for a in json.loads(ip(t, "-j", "addr", "show", "veth0"))[0]["addr_info"]
              if a["local"].startswith("fe80")]
    t.equal(len(before), 1, "link-local addresses before")
    c = t.create(moving(t, veth0="net0"))
    found = {a["local"]: a for a in
             json.loads(ip(t, "-j", "addr", "show", "net0", pid=c.pid))[0]["addr_info"]}
    t.equal(sorted(a for a in found if not a.startswith("fe80")), ["10.9.0.2", "2001:db8::2"])
    t.equal((found["10.9.0.2"]["label"], found["10.9.0.2"]["broadcast"]),
            ("net0:7", "10.9.0.255"))
    t.true(found["2001:db8::2"]["noprefixroute"], "the address's flag is kept")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_template(t):
    """a name with %d takes the first free number, for each device anew"""
    host(t, "veth0", "veth1")
    c = t.create(moving(t, veth0="eth%d", veth1="eth%d"))
    t.equal(sorted(devices(t, c.pid)), ["eth0", "eth1"])


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_before_hooks_and_sysctls(t):
    """devices are there when the first hook runs and when their sysctls are set"""
    host(t, "veth0")
    config = moving(t, veth0="net0")
    shared = inside.share(t, config)
    inside.script(shared + "/hook", f"read state; pid=${{state##*\\\"pid\\\":}}; "
                  f"nsenter -t ${{pid%%,*}} -n /sbin/ip -o link show net0 >{shared}/seen\n")
    config["hooks"] = {"createRuntime": [{"path": shared + "/hook",
                                          "env": [f"PATH={os.environ['PATH']}"]}]}
    config["linux"]["sysctl"] = {"net.ipv4.conf.net0.forwarding": "1"}
    c = t.create(config)
    t.contains(kernel.read(shared + "/seen"), "net0")
    r = t.command("nsenter", "-t", str(c.pid), "-n", "cat", "/proc/sys/net/ipv4/conf/net0/forwarding")
    t.equal(r.out, "1\n")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_joined_namespace(t):
    """a namespace that exists already; what the container moved in stays there after delete"""
    host(t, "veth0")
    other = t.spawn("unshare", "-n", "sleep", "1000")
    t.wait_until(lambda: os.stat(f"/proc/{other.pid}/ns/net").st_ino
                 != os.stat("/proc/self/ns/net").st_ino, what="the other namespace")
    config = moving(t, veth0="net0")
    namespace(config)["path"] = f"/proc/{other.pid}/ns/net"
    c = t.create(config)
    t.equal(sorted(devices(t, other.pid)), ["net0"])
    c.delete("--force")
    t.equal(sorted(devices(t, other.pid)), ["net0"])
    namespace(config)["path"] = "/proc/self/ns/net"
    t.fails(t.run(config), "linux.netDevices", "network namespace of the host")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_user_namespace(t):
    """a container in a new user namespace gets devices, too"""
    host(t, "veth0")
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0")
    config = moving(t, veth0="net0")
    add_user_namespace(config)
    c = t.create(config)
    t.equal(devices(t, c.pid)["net0"]["addresses"], ["10.9.0.2/24"])


def put_back(t, config, *phrases):
    """the container is refused with these phrases, and the host has what it had before"""
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0")
    ip(t, "addr", "add", "2001:db8::2/64", "dev", "veth0")
    ip(t, "link", "set", "veth0", "up")
    before = devices(t)
    t.fails(t.run(config), *phrases)
    t.equal(devices(t), before, "devices of the host afterwards")
    t.true(before["veth0"]["up"] and len(before["veth0"]["addresses"]) == 2, "something was there")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_missing_device_puts_back(t):
    """the second device does not exist: named with its errno, and the first one is back"""
    host(t, "veth0")
    put_back(t, moving(t, veth0="net0", nothere=None),
             "linux.netDevices.nothere", "nothere", "No such device")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_taken_name_puts_back(t):
    """the container has a device of that name"""
    host(t, "veth0", "veth1")
    other = t.spawn("unshare", "-n", "sh", "-c", "ip link add net1 type veth; exec sleep 1000")
    t.wait_until(lambda: "net1" in t.command("nsenter", "-t", str(other.pid), "-n", "ip",
                                             "link").out, what="the taken name")
    config = moving(t, veth0="net0", veth1="net1")
    namespace(config)["path"] = f"/proc/{other.pid}/ns/net"
    put_back(t, config, "linux.netDevices.veth1", "veth1", "File exists")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_later_failure_puts_back(t):
    """the devices are back when the container fails after they were moved: at a hook, at the
    program"""
    host(t, "veth0")
    config = moving(t, veth0="net0")
    config["process"]["args"] = ["/no/such/program"]
    put_back(t, config, "/no/such/program")
    config["process"]["args"] = ["/bin/true"]
    config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    before = devices(t)
    t.fails(t.run(config), "createRuntime")
    t.equal(devices(t), before, "devices of the host after a failed hook")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_killed_puts_back(t):
    """skiff is killed in the middle: the devices go back by themselves"""
    host(t, "veth0")
    config = moving(t, veth0="net0")
    shared = inside.share(t, config)
    inside.script(shared + "/hook", f"touch {shared}/here; while [ ! -e {shared}/go ]; do sleep 0.1; done")
    config["hooks"] = {"createRuntime": [{"path": shared + "/hook"}]}
    before = devices(t)
    ident = t.new_id()
    process = t.spawn(t.binary, "--root", t.root, "create", "--bundle", t.bundle(config), ident)
    t.wait_until(lambda: os.path.exists(shared + "/here"), what="the hook")
    t.true("veth0" not in devices(t), "veth0 has left")
    process.send_signal(signal.SIGKILL)
    process.wait()
    t.wait_until(lambda: devices(t) == before, what="the device")
    inside.script(shared + "/go", "")
    t.ok("delete", "--force", ident)


def shared_with_tenant(t, script):
    """a config that joins a network namespace in which somebody does this (net0 is the device
    there, $N its number); then the container fails.  (config, a process in that namespace)"""
    other = t.spawn("unshare", "-n", "sleep", "1000")
    t.wait_until(lambda: os.stat(f"/proc/{other.pid}/ns/net").st_ino
                 != os.stat("/proc/self/ns/net").st_ino, what="the other namespace")
    config = moving(t, veth0="net0")
    namespace(config)["path"] = f"/proc/{other.pid}/ns/net"
    shared = inside.share(t, config)
    inside.script(shared + "/tenant", "exec </dev/null >/dev/null 2>&1\n"
                  "N=$(cat /proc/thread-self/net/dev_mcast | awk '$2 == \"net0\" {print $1; exit}')\n"
                  f"{script}\n")
    inside.script(shared + "/hook", f"nsenter -t {other.pid} -n {shared}/tenant; exit 3")
    config["hooks"] = {"createRuntime": [{"path": shared + "/hook",
                                          "env": [f"PATH={os.environ['PATH']}"]}]}
    return config, other


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_renamed_by_a_tenant(t):
    """in a namespace that is shared, somebody renames the device and gives its name to another:
    what comes back is the device that went"""
    host(t, "veth0")
    ip(t, "addr", "add", "10.9.0.2/24", "dev", "veth0")
    ip(t, "link", "set", "veth0", "up")
    before = devices(t)
    config, other = shared_with_tenant(t, "ip link set net0 down; ip link set net0 name gone\n"
                                       "ip link add net0 type veth peer name trap")
    t.fails(t.run(config), "createRuntime")
    t.equal(devices(t), before, "devices of the host")
    t.equal(sorted(devices(t, other.pid)), ["net0", "trap"], "devices of the tenant")


@needs("root", "cmd:ip", "cmd:nsenter", "cmd:sysctl")
def test_replaced_by_a_tenant(t):
    """somebody deletes the device, and makes another one of its name and number: that stays"""
    host(t, "veth0")
    ip(t, "link", "set", "veth0", "up")
    config, other = shared_with_tenant(t, "ip link del net0\n"
                                       "ip link add net0 index $N type veth peer name trap")
    t.fails(t.run(config), "createRuntime")
    t.equal(devices(t), {}, "devices of the host: the pair is gone")
    t.equal(sorted(devices(t, other.pid)), ["net0", "trap"], "devices of the tenant")


@needs("root", "native", "cmd:ip", "cmd:nsenter", "cmd:sysctl", "cmd:strace")
def test_replaced_while_it_goes_back(t):
    """the same at the last moment, when skiff-net has looked already: the stranger is sent away"""
    host(t, "veth0")
    ip(t, "link", "set", "veth0", "up")
    script = ("(sleep 0.7; ip link del net0\n"
              "ip link add net0 index $N type veth peer name trap; ip link set net0 up) &")
    config, other = shared_with_tenant(t, script)
    path, trace = t.bundle(config), t.path("trace")
    words = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=sendto"]
    end = [t.binary, "--root", t.root, "run", "--bundle", path]
    t.command(*words, *end, t.new_id())
    with open(trace, encoding="utf-8") as f:
        sent = [line.split(None, 1) for line in f if " sendto(" in line]
    mover = next(pid for pid, line in sent if "IFLA_NET_NS_FD" in line)
    mine = [line for pid, line in sent if pid == mover]
    # strace knows the messages of its own network namespace only
    last = max(k for k, line in enumerate(mine, 1) if r"\x08\x00\x1c\x00" in line)
    t.true("veth0" in devices(t), "the control has put it back")
    config, other = shared_with_tenant(t, script)
    t.command(*words, "-e", f"inject=sendto:delay_enter=1500000:when={last}", *end[:-1],
              t.bundle(config), t.new_id())
    t.equal(devices(t), {}, "devices of the host")
    found = devices(t, other.pid)
    t.equal(len(found), 2, f"devices of the tenant: {found}")
    t.true("trap" in found and "net0" not in found, f"the stranger was not moved: {found}")


@needs("root", "cmd:ip", "cmd:sysctl")
def test_no_helper(t):
    """without skiff-net: which program is missing, and where it was looked for"""
    host(t, "veth0")
    alone = t.path("alone")
    os.mkdir(alone)
    shutil.copy(t.binary, alone + "/skiff")
    if os.path.exists("/usr/local/libexec/skiff/skiff-net"):
        t.skip("skiff is installed here")
    r = t.command(alone + "/skiff", "--root", t.root, "run", "--bundle",
                  t.bundle(moving(t, veth0=None)), t.new_id())
    t.fails(r, "linux.netDevices", "skiff-net is not installed", alone + "/skiff-net")
    t.true("veth0" in devices(t), "veth0 is still there")


@needs("root", "cmd:setpriv")
def test_rootless(t):
    """an ordinary user's container cannot have devices of the host"""
    config = user_config(t, "/bin/true")
    config["linux"]["netDevices"] = {"eth0": {}}
    t.fails(rootless_run(t, config), "linux.netDevices", "rootless", "CAP_NET_ADMIN")


@needs("root", "cmd:ip", "cmd:sysctl")
def test_check(t):
    """skiff check finds a device that is not there"""
    host(t, "veth0")
    good, bad = t.bundle(moving(t, veth0=None)), t.bundle(moving(t, veth0=None, veth9=None))
    t.equal(t.skiff("check", good).rc, 0, "check of a device that is there")
    r = t.skiff("check", bad)
    t.equal(r.rc, 1, r.out)
    t.contains(r.out, "linux.netDevices.veth9")
    t.true("netDevices.veth0" not in r.out, r.out)
