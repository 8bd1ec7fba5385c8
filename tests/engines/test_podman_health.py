"""Health checks of Podman: by hand, and by the timers that it has systemd make."""
import contextlib
import os

from harness import Failure, limit, needs, tag
from podman import IMAGE, Podman, rootless


@needs("cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_by_hand(t):
    """a health check's command runs in the container, and its status is Podman's"""
    with Podman(t, "cgroupfs") as podman:
        c = podman.start("--health-cmd", "test -e /tmp/well", "--health-interval", "disable",
                         "--health-retries", "1", IMAGE, "sleep", "100000")
        t.equal(podman.try_("healthcheck", "run", c.name).rc, 1)
        t.equal(c.exec("touch", "/tmp/well").rc, 0)
        t.equal(podman.try_("healthcheck", "run", c.name).rc, 0)
        t.equal(c.inspect(".State.Health.Status"), "healthy")
        c.remove()


def systemctl(t, *args):
    return t.command("systemctl", *(["--user"] if rootless() else []), *args)


@contextlib.contextmanager
def known_to_systemd(podman):
    """The timers call `podman healthcheck run ID` with systemd's environment: by that they find
    the test's store."""
    env = podman.files_for_others()
    systemctl(podman.t, "set-environment", *(f"{name}={path}" for name, path in env.items()))
    try:
        yield
    finally:
        systemctl(podman.t, "unset-environment", *env)


def follows(t, c, answer):
    """Each status is seen, when the check gives its answer."""
    health = lambda: c.inspect(".State.Health.Status")
    t.equal(health(), "starting")
    t.contains(systemctl(t, "list-timers", "--no-legend", f"{c.id}.timer").out, c.id)
    for status, word in ((0, "healthy"), (1, "unhealthy"), (0, "healthy")):
        with open(f"{answer}/new", "w") as f:
            f.write(f"{status}\n")
        os.rename(f"{answer}/new", f"{answer}/status")
        t.wait_until(lambda: health() == word, 10, f"a container that is {word}")


@needs("vm", "systemd", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_by_timer(t):
    """--health-interval: systemd has it checked again and again.  The check waits until the test
    has an answer, so that a container is seen that is starting."""
    answer = t.path("answer")
    os.mkdir(answer)
    with Podman(t, "systemd") as podman, known_to_systemd(podman):
        c = podman.start("--health-cmd", "until test -e /answer/status; do sleep 0.1; done;"
                         " exit $(cat /answer/status)", "--health-interval", "1s",
                         "--health-retries", "1", "--health-timeout", "1h",
                         "--volume", f"{answer}:/answer:ro", IMAGE, "sleep", "100000")
        try:
            follows(t, c, answer)
        except Failure:  # whose report has the last commands
            systemctl(t, "status", "--full", "--lines", "30", f"{c.id}.timer", f"{c.id}.service")
            raise
        podman.ok("rm", "--force", "--time", "0", c.name)
        # A check that the end of the container ended has failed: Podman leaves its unit to us.
        systemctl(t, "reset-failed", f"{c.id}.service")
        podman.containers.remove(c.name)
        podman.must_be_gone(c.id)
