"""Annotations: those that ask for what skiff does not do are refused by name, the others are the
engine's."""
from harness import needs


@needs("root")
def test_refused(t):
    """annotations that hand the container to something else are refused, and named"""
    for key, value in (("run.oci.handler", "wasm"), ("run.oci.handler", "krun"),
                       ("module.wasm.image/variant", "compat"), ("krun.cpus", "2"),
                       ("krun.ram_mib", "512"), ("run.oci.seccomp.plugins", "/x.so"),
                       ("run.oci.seccomp_bpf_data", "BgAAAAAA/38=")):
        config = t.config()
        config["annotations"] = {"org.example": "x", key: value}
        t.fails(t.run(config), key, "not supported", rc=1)


@needs("root")
def test_left_alone(t):
    """annotations of engines and of others change nothing, and are in the state"""
    config = t.config("/bin/sleep", "100000")
    config["annotations"] = {"io.kubernetes.cri.container-type": "sandbox", "krunx": "y",
                             "module.wasmer": "z", "run.oci.handlers": "", "": "x",
                             "org.systemd.property.KillSignal": "15"}
    del config["annotations"][""]
    c = t.background(config)
    t.equal(c.state()["annotations"], config["annotations"])


@needs("root")
def test_told_to_engines(t):
    """features lists the annotations that act, so that engines keep users from setting them"""
    unsafe = t.ok("features").json()["potentiallyUnsafeConfigAnnotations"]
    t.equal([name for name in unsafe if name.startswith(("run.", "krun", "module"))],
            ["run.oci."])
