"""compose.yaml as its users run it, on a project of its own: built, started, examined, scaled,
damaged, removed. scripts/compose-test.sh runs it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

import engine
from confinement_scenes import check_confinement, check_memory
from door_scenes import check_door, check_tokens
from observation_scenes import check_prometheus
from project import Project
from resilience_scenes import (
    check_balancing,
    check_killed_database,
    check_killed_gateways,
    check_scaling,
)
from scaleout.docker import EngineError, docker
from scaleout.driver.compose import secrets_dir_of
from scaleout.errors import StackError
from scaleout.topology import GATEWAY_PREFIXES, IDENTITY_PREFIXES, ROOT, SERVICE_PREFIXES
from starting_scenes import check_compose_file, check_images, check_start

_DRILLS = (
    "breaker",
    "blackhole",
    "kill-gateways",
    "rolling-restart",
    "overload",
    "cpu-bound",
    "redis-down",
    "events",
    "durability",
)
# Those that check that nothing is lost. How fast something is, a short run on a busy machine cannot
# show.
_QUICK_DRILLS = ("kill-gateways", "rolling-restart", "events", "durability")
_OTHER_STACKS = (
    *GATEWAY_PREFIXES,
    *SERVICE_PREFIXES,
    *IDENTITY_PREFIXES,
    *("COMPOSE_", "LB_", "NGINX_", "PROXY_CACHE", "TLS_", "HTTP_", "HTTPS_", "PROMETHEUS_"),
)


def check_tour(project):
    project.n.scene("13. The tour", "The same script as natively.")
    project.n.command("STACK=compose scripts/test-scaling.sh")
    _check_script(project, ["scripts/test-scaling.sh"], "the tour")


def check_drills(project):
    project.n.scene("14. The drills", "The same script as natively.")
    # cpu-bound plays many clients, from where nginx sees this machine.
    os.environ |= {
        "NGINX_TRUSTED_PROXY": "172.16.0.0/12",
        "NGINX_TRUSTED_NETWORK": "192.168.0.0/16",
    }
    project.compose("up", "--detach", "--wait", "--no-deps", "nginx")
    quick = ["--quick"] if project.quick else []
    for name in _QUICK_DRILLS if project.quick else _DRILLS:
        _check_script(project, ["scripts/drill.sh", name, *quick], f"drill {name}")


def _check_script(project, command, name):
    began = time.monotonic()
    try:
        result = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "STACK": "compose"},
            text=True,
            capture_output=True,
            check=False,
            timeout=900,
        )
        output, status = result.stdout + result.stderr, result.returncode
    except subprocess.TimeoutExpired:
        output, status = "", "none in 900 s"
    detail = f"exit status {status}, {time.monotonic() - began:.0f} s"
    if not project.n.check(f"{name} passes", status == 0, detail):
        for line in output.splitlines()[-40:]:
            project.n.say(f"    | {line}")


# After the start; each can be run alone.
_SCENES = {
    "confined": check_confinement,
    "memory": check_memory,
    "scaling": check_scaling,
    "killed-gateways": check_killed_gateways,
    "killed-database": check_killed_database,
    "balancing": check_balancing,
    "observed": check_prometheus,
    "door": check_door,
    "tokens": check_tokens,
    "tour": check_tour,
    "drills": check_drills,
}


def _take_down(project):
    profile = ("--profile", "observability")
    project.compose(*profile, "down", "--volumes", "--remove-orphans", seconds=180)
    # The passwords in it were of the volumes.
    shutil.rmtree(secrets_dir_of(Project.name), ignore_errors=True)


def remove(project):
    project.n.scene("15. Down")
    project.n.command("docker compose down -v")
    try:
        _take_down(project)
        of_project = f"label=com.docker.compose.project={Project.name}"
        left = [
            *docker("ps", "-aq", "--filter", of_project).split(),
            *docker("network", "ls", "-q", "--filter", of_project).split(),
            *docker("volume", "ls", "-q", "--filter", of_project).split(),
        ]
        project.n.check("no container, network or volume is left", not left, left)
    except EngineError as error:
        project.n.check("everything could be taken down", False, error.explain())


def run(quick, only):
    project = Project(quick)
    try:
        check_compose_file(project)
        # What a run left that was cut short would be taken for this one's.
        _take_down(project)
        check_images(project)
        check_start(project)
        for name, scene in _SCENES.items():
            if name in only or not only:
                scene(project)
    except StackError as error:
        project.n.check("the test could go on", False, error.explain())
        project.show_state()
    finally:
        remove(project)
    return engine.finish(project.n)


def _parse():
    parser = argparse.ArgumentParser(
        prog="scripts/compose-test.sh",
        description="Builds the images and checks the stack in containers from its start to its "
        f"removal, on a Compose project of its own ({Project.name}), beside any other stack.",
        epilog="Where no Docker engine answers, says so and succeeds. The last line is "
        '"N passed, N failed".',
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="shorter loads, and the short forms of " + ", ".join(_QUICK_DRILLS),
    )
    parser.add_argument(
        "scene",
        nargs="*",
        help="only these, after the start: " + ", ".join(_SCENES),
    )
    return parser.parse_args()


def main():
    arguments = _parse()
    if not engine.answers():
        print("compose-test: skipped, because no Docker engine with Compose answers here")
        print("0 passed, 0 failed")
        return 0
    if not shutil.which("h2load"):
        print("compose-test: h2load not found; `make deps` installs it")
        print("0 passed, 1 failed")
        return 1
    # What the caller has set for another stack is not for this one.
    for name in [name for name in os.environ if name.startswith(_OTHER_STACKS)]:
        del os.environ[name]
    os.environ["COMPOSE_PROJECT_NAME"] = Project.name
    os.environ["COMPOSE_ENV_FILES"] = os.devnull
    os.environ["HTTP_PORT"] = str(engine.free_port())
    os.environ["PROMETHEUS_PORT"] = str(engine.free_port(int(os.environ["HTTP_PORT"]) + 1))
    return run(arguments.quick, arguments.scene)


if __name__ == "__main__":
    sys.exit(main())
