"""Scenes 1 to 3: the compose file, the images, and the stack's start."""

import json
import os
import subprocess
import time

from scaleout.docker import inspect
from scaleout.topology import ROOT, SERVICES

_IMAGE_MB = 120
_SECONDS = 10
_ROLE_LIMITS = """
WITH server AS (SELECT current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int AS connections)
SELECT count(*), bool_and(rolconnlimit = connections / 3)
FROM pg_roles, server WHERE rolname LIKE '%\\_service'
"""


def check_compose_file(project):
    project.n.scene("1. The compose file")
    result = subprocess.run(
        ["docker", "compose", "--profile", "observability", "config", "--quiet"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    project.n.check(
        "`docker compose config` has nothing to say",
        result.returncode == 0 and not result.stderr.strip(),
        result.stderr.strip(),
    )


def check_images(project):
    project.n.scene(
        "2. Images",
        "One Dockerfile; the compiler's work and the packages stay in BuildKit's caches.",
    )
    began = time.monotonic()
    project.compose("build", seconds=3600)
    project.n.figure("buildSeconds", time.monotonic() - began)
    project.n.say(f"  built in {time.monotonic() - began:.0f} s")
    tag = os.environ.get("SCALEOUT_TAG", "dev")
    images = inspect(*(f"scaleout/{name}:{tag}" for name in ("api-gateway", *SERVICES)))
    sizes = {image["RepoTags"][0]: image["Size"] / 1e6 for image in images}
    project.n.table(("image", "MB"), [(name, f"{size:.1f}") for name, size in sizes.items()])
    project.n.check(
        f"each image is under {_IMAGE_MB} MB", all(size < _IMAGE_MB for size in sizes.values())
    )
    project.n.check(
        "each says that it is not root, how it is stopped, and how its health is asked",
        all(
            image["Config"]["User"] == "10001:10001"
            and image["Config"]["StopSignal"] == "SIGTERM"
            and image["Config"]["Healthcheck"]
            for image in images
        ),
    )
    shell = subprocess.run(
        ["docker", "run", "--rm", "--entrypoint", "/bin/sh", images[0]["Id"], "-c", "true"],
        text=True,
        capture_output=True,
        check=False,
    )
    project.n.check("there is no shell in them", shell.returncode == 127, shell.returncode)


def check_start(project):
    project.n.scene("3. Up", "Everything healthy, in one command.")
    project.n.command("docker compose up --build -d --wait --scale api-gateway=3")
    began = time.monotonic()
    project.compose("up", "--build", "--detach", "--wait", "--scale", "api-gateway=3", seconds=300)
    project.n.figure("upSeconds", time.monotonic() - began)
    took, limit = time.monotonic() - began, project.patience(60)
    project.n.check(f"up within {limit} s", took < limit, f"{took:.1f} s")
    project.n.command("for i in {1..9}; do curl -s localhost:8080/api/count; echo; done")
    answers = [project.client.get("/api/count").json() for _ in range(9)]
    for answer in answers:
        project.n.say(f"    {json.dumps(answer)}")
    project.n.check(
        "counts 1 1 1 2 2 2 3 3 3",
        [a.get("count") for a in answers] == [1, 1, 1, 2, 2, 2, 3, 3, 3],
    )
    project.n.check(
        "over three instances, in turns",
        len({a.get("instanceId") for a in answers}) == 3
        and [a.get("instanceId") for a in answers[:6]]
        == [a.get("instanceId") for a in answers[3:]],
    )
    limits = project.driver.psql("postgres", _ROLE_LIMITS, _SECONDS)
    project.n.check(
        "each service may have a third of PostgreSQL's connections",
        limits == "3|t",
        limits,
    )
    again = time.monotonic()
    project.compose("up", "--detach", "--wait", "--scale", "api-gateway=3")
    project.n.check(
        "the same command once more changes nothing",
        sorted(project.driver.instances()) == sorted({a.get("instanceId") for a in answers}),
        f"{time.monotonic() - again:.1f} s",
    )
