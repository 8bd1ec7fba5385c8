"""Buildah, which runs a runtime itself, without conmon; skopeo takes the image elsewhere."""
import os

import kernel
from engine import Engine
from harness import limit, needs, tag
from podman import IMAGE, Podman, rootless

FILE = """FROM {image}
ENV GREETING=hello
WORKDIR /work
RUN echo $GREETING > made && grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status >> made
USER 1000:1000
RUN id -u > /tmp/who && ! touch /work/x
CMD ["cat", "/work/made", "/tmp/who"]
"""


def buildah(podman):
    """on the store of the test's Podman"""
    return Engine(podman.t, "buildah", *podman.storage, env=podman.env)


def isolations():
    """those that use a runtime; with "rootless" the image's user namespace is Buildah's own"""
    return ("rootless", "oci") if rootless() else ("oci",)


@needs("cmd:buildah", "cmd:skopeo", "cmd:podman")
@tag("engine")
@limit(300)
def test_build(t):
    """buildah bud: RUN lines are run by the runtime.  The image is copied by skopeo and runs"""
    with Podman(t) as podman:
        name, archive = f"localhost/{podman.new_name()}", f"oci-archive:{t.path('image.oci')}:x"
        os.mkdir(t.path("context"))
        with open(t.path("context/Containerfile"), "w") as f:
            f.write(FILE.format(image=IMAGE))
        buildah(podman).ok(
            "bud", "--runtime", t.binary, "--isolation", isolations()[0], "--network", "none",
            "--layers=false", "--tag", name, t.path("context"), timeout=90)
        podman.skopeo("copy", "--quiet", podman.storage_name(name), archive)
        podman.ok("rmi", name)
        result = podman.once(archive, timeout=60)
        t.equal(result.out.splitlines(), ["hello", "NoNewPrivs:\t0", "Seccomp:\t2", "1000"])


@needs("cmd:buildah", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_run(t):
    """buildah run: status, input, a volume; nothing is left"""
    os.mkdir(t.path("data"))
    with Podman(t) as podman:
        built = buildah(podman)
        name = built.ok("from", "--name", podman.new_name(), IMAGE)
        try:
            for isolation in isolations():
                t.note(isolation)
                commands(t, built, name, "--runtime", t.binary, "--isolation", isolation)
        finally:
            built.ok("rm", name)


def commands(t, built, name, *options):
    """what a build container does"""
    how = ("run", *options, "--network", "none")
    result = built.try_(*how, "--volume", f"{t.path('data')}:/data", name, "--", "sh", "-c",
                        "cat >/data/x; echo $$; exit 7", input=options[-1])
    t.equal((result.rc, result.out), (7, "1\n"))
    t.equal(kernel.read(t.path("data/x")), options[-1])
    result = built.try_(*how, name, "--", "/nowhere")
    t.contains(result.err, "/nowhere")
    t.contains(result.err.lower(), "no such file or directory")
    t.equal(result.rc, 1, "Buildah's status for all errors of a runtime")
    t.equal(built.try_(*how, "--cap-drop", "all", name, "--", "grep", "CapBnd",
                       "/proc/self/status").out.split()[1], "0" * 16)
