"""Health checks of Podman."""
from harness import limit, needs, tag
from podman import IMAGE, Podman


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
