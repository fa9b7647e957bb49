"""deploy/swarm on a Swarm of one node: deployed, scaled, updated and rolled back under load,
damaged, given new keys, removed. Private routes want a token there, and the test logs in.
scripts/swarm-test.sh runs it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import engine
from engine import eventually
from scaleout.docker import EngineError, docker, inspect, run
from scaleout.errors import StackError
from scaleout.identity import entering, signing
from scaleout.identity.accounts import CUSTOMER, Accounts
from scaleout.load.h2load import Steady
from scaleout.load.client import PAST_THE_CACHE, Client
from scaleout.narrator import Narrator
from scaleout.topology import ROOT, SERVICES
from swarm_stack import SwarmStack
from token_scenes import check_rotation

# Not the name of the test on Compose, whose networks would have the same names.
_STACK = "scaleout-swarm-test"
_DEPLOY = "deploy/swarm/deploy.sh"
_PROGRAMS = ("api-gateway", *SERVICES)
_RATE = 100
_LOGIN_RATES = [f"LOGIN_RATE_PER_{what}" for what in ("ACCOUNT_AND_ADDRESS", "ADDRESS", "ACCOUNT")]


class SwarmTest:
    def __init__(self, quick):
        self._quick = quick
        self._n = Narrator(f"The stack on Docker Swarm, one node, as {_STACK}")
        self._url = f"http://localhost:{os.environ['HTTP_PORT']}"
        self._client = Client(self._url)
        self._secrets = tempfile.TemporaryDirectory()
        self._stack = SwarmStack(_STACK, self._url, self._secrets.name)
        self._own_swarm = (
            docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() != "active"
        )

    def run(self):
        try:
            self.is_deployed()
            self.is_scaled()
            self.is_updated()
            self.is_rolled_back()
            self.survives_a_killed_task()
            self.takes_new_keys()
            self.ends_a_rotation_that_was_killed()
        except StackError as error:
            self._n.check("the test could go on", False, error.explain())
        finally:
            self.leaves_nothing()
        return engine.finish(self._n)

    @staticmethod
    def _deploy(*verb):
        return run(_DEPLOY, *verb, seconds=300)

    @staticmethod
    def _service(name):
        return inspect(f"{_STACK}_{name}")[0]

    @staticmethod
    def _replicas():
        lines = docker(
            "stack", "services", "--format", "{{.Name}} {{.Replicas}}", _STACK
        ).splitlines()
        return {line.split()[0].removeprefix(f"{_STACK}_"): line.split()[1] for line in lines}

    def _instances(self, requests=30):
        return {self._client.get("/api/metrics").instance for _ in range(requests)}

    def _load(self, seconds):
        entering.take_token(self._stack)
        return Steady(f"{self._url}/api/users/7", _RATE, seconds)

    def _no_request_failed(self, load):
        self._n.say(f"    {load.report}")
        self._n.check("no request failed", load.report.failed == 0, load.report)

    def _update(self, name, *options):
        """Starts an update and waits for its end; how it ended."""
        self._n.command(f"docker service update {' '.join(options)} {_STACK}_{name}")
        docker("service", "update", "--detach", "--quiet", *options, f"{_STACK}_{name}")
        ended = {"completed", "rollback_completed", "paused", "rollback_paused"}
        # The engine takes a moment to say that an update has begun.
        time.sleep(1)
        eventually(lambda: self._state_of_update(name) in ended, 180, 0.5)
        return self._state_of_update(name)

    def _state_of_update(self, name):
        return self._service(name).get("UpdateStatus", {}).get("State")

    def is_deployed(self):
        self._n.scene("1. Deployed", "Passwords are made, every service converges.")
        if self._own_swarm:
            docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        tag = os.environ.get("SCALEOUT_TAG", "dev")
        missing = [
            p
            for p in _PROGRAMS
            if subprocess.run(
                ["docker", "image", "inspect", f"scaleout/{p}:{tag}"],
                check=False,
                capture_output=True,
            ).returncode
            != 0
        ]
        if missing:
            docker("compose", "build", seconds=3600)
        began = time.monotonic()
        self._n.command("deploy/swarm/deploy.sh")
        self._deploy()
        replicas = self._replicas()
        self._n.table(("service", "running"), sorted(replicas.items()))
        self._n.check(
            "everything runs",
            all(n.split("/")[0] == n.split("/")[1] for n in replicas.values()),
            f"after {time.monotonic() - began:.0f} s",
        )
        instances = eventually(lambda: len(found := self._instances()) == 3 and found, 15)
        self._n.check(
            "three gateways answer through nginx", instances, "" if instances else self._instances()
        )
        private = "/api/users/1"
        status = self._client.get(private).status
        self._n.check("a private route wants a token", status == 401, status)
        entering.take_token(self._stack)
        status = self._client.get(private).status
        self._n.check("the first admin is made, logs in, and may read", status == 200, status)
        overview = eventually(
            lambda: self._client.get("/api/users/1/overview", PAST_THE_CACHE).headers.get(
                "X-Aggregate-Complete"
            )
            == "true",
            15,
        )
        self._n.check("and all services through them", overview)
        users = {
            c["Name"]: engine.user_of_process(c["State"]["Pid"])
            for c in inspect(
                *docker(
                    "ps", "-q", "--filter", f"label=com.docker.stack.namespace={_STACK}"
                ).split()
            )
        }
        roots = sorted(name for name, user in users.items() if user == 0)
        self._n.check("no main process is root's", users and not roots, ", ".join(roots))

    def is_scaled(self):
        self._n.scene("2. Scaled to five under load")
        with self._load(30) as load:
            time.sleep(3)
            self._n.command(f"docker service scale {_STACK}_api-gateway=5")
            docker("service", "scale", "--detach", f"{_STACK}_api-gateway=5")
            five = eventually(lambda: len(self._instances()) == 5, 20)
            self._n.check("five gateways serve", five, f"after {load.elapsed - 3:.1f} s")
            docker("service", "scale", "--detach", f"{_STACK}_api-gateway=3")
            three = eventually(
                lambda: self._replicas()["api-gateway"] == "3/3"
                and len(self._stack.containers("api-gateway")) == 3
                and len(self._instances()) == 3,
                20,
            )
            self._n.check("and three again", three, "" if three else self._instances())
        self._no_request_failed(load)

    def is_updated(self):
        self._n.scene(
            "3. Rolling updates under load",
            "One task at a time, the next one healthy before the old one goes.",
        )
        names = ("api-gateway", "user-service") if self._quick else _PROGRAMS
        for name in names:
            before = set(self._stack.containers(name))
            with self._load(75 if name == "api-gateway" else 35) as load:
                time.sleep(2)
                state = self._update(name, "--force")
                self._n.say(f"    {name}: {state} after {load.elapsed - 2:.1f} s")
                time.sleep(2)
            self._n.check(
                f"{name}: the update is completed, every task is new",
                state == "completed" and not before & set(self._stack.containers(name)),
                state,
            )
            self._no_request_failed(load)

    def is_rolled_back(self):
        self._n.scene(
            "4. A bad update is taken back",
            "A configuration that the gateway refuses: it never gets healthy, the old tasks stay.",
        )
        before = set(self._stack.containers("api-gateway"))
        with self._load(75) as load:
            time.sleep(2)
            state = self._update("api-gateway", "--env-add", "GATEWAY_LOOPS=none")
            self._n.say(f"    {state} after {load.elapsed - 2:.1f} s")
            time.sleep(2)
        self._n.check("rolled back by itself", state == "rollback_completed", state)
        self._n.check(
            "and none of the tasks that served was touched",
            before <= set(self._stack.containers("api-gateway")),
        )
        self._no_request_failed(load)
        self._n.command(f"GATEWAY_LOOPS=none {_DEPLOY}")
        bad = subprocess.run(
            [_DEPLOY],
            env={**os.environ, "GATEWAY_LOOPS": "none"},
            text=True,
            capture_output=True,
            check=False,
        )
        self._n.check(
            "deploy.sh does not call that converged",
            bad.returncode == 1 and "api-gateway rollback_" in bad.stderr,
            bad.stderr.splitlines()[-1:],
        )
        self._deploy()

    def survives_a_killed_task(self):
        self._n.scene(
            "5. A task is killed", "SIGKILL to its main process, from outside; Swarm makes another."
        )
        victim = inspect(self._stack.containers("api-gateway")[0])[0]
        with self._load(30) as load:
            time.sleep(2)
            docker(
                "run",
                "--rm",
                "--pid",
                "host",
                "--network",
                "none",
                "--user",
                "0:0",
                "--cap-drop",
                "ALL",
                "--cap-add",
                "KILL",
                "--entrypoint",
                "sh",
                "postgres:17-alpine",
                "-c",
                f"kill -KILL {victim['State']['Pid']}",
            )
            replaced = eventually(
                lambda: victim["Id"] not in (now := self._stack.containers("api-gateway"))
                and len(now) == 3
                and len(self._instances()) == 3,
                25,
            )
            self._n.check(
                "another one serves in its place", replaced, f"after {load.elapsed - 2:.1f} s"
            )
        self._no_request_failed(load)

    def takes_new_keys(self):
        self._n.scene(
            "6. New keys",
            "Gateways know the next key before the user service signs with it.",
        )

        def rotate(drop_old):
            verb = ("rotate-keys", "--drop-old") if drop_old else ("rotate-keys",)
            self._n.command(f"{_DEPLOY} {' '.join(verb)}")
            self._deploy(*verb)

        check_rotation(self._n, Accounts(self._stack), self._url, rotate)
        self._n.check("the old key is gone", len(self._keys()) == 1, self._keys())

    def ends_a_rotation_that_was_killed(self):
        self._n.scene(
            "7. A rotation that is killed",
            "As soon as it has made the next key; `up` goes on without it, another rotation with.",
        )
        before = self._keys()
        with subprocess.Popen(
            [_DEPLOY, "rotate-keys"], stdout=subprocess.DEVNULL, start_new_session=True
        ) as rotation:
            made = eventually(lambda: (now := self._keys()) != before and now, 30, 0.02)
            os.killpg(rotation.pid, signal.SIGKILL)
        self._n.check("it is killed with two keys there", made, self._keys())
        self._n.command(_DEPLOY)
        self._deploy()
        self._n.command(f"{_DEPLOY} rotate-keys --drop-old")
        refusal = subprocess.run(
            [_DEPLOY, "rotate-keys", "--drop-old"], text=True, capture_output=True, check=False
        )
        self._n.check(
            "no key is dropped before it has ended",
            refusal.returncode == 1 and "has not ended" in refusal.stderr,
            refusal.stderr,
        )
        signed = self._signed_by()
        self._n.command(f"{_DEPLOY} rotate-keys")
        self._deploy("rotate-keys")
        self._n.check(
            "the second rotation ends it with the key that the first one made",
            self._signed_by() != signed and self._keys() == made - before,
            self._keys(),
        )

    @staticmethod
    def _keys():
        """The secrets that tokens are or will be signed with."""
        name = f"name={_STACK}-signing-key"
        return set(docker("secret", "ls", "--format", "{{.Name}}", "--filter", name).split())

    def _signed_by(self):
        token = Accounts(self._stack).log_in(CUSTOMER).json()["accessToken"]
        return signing.parts_of(token)[0]["kid"]

    def leaves_nothing(self):
        self._n.scene("8. Removed")
        self._secrets.cleanup()
        self._n.command("deploy/swarm/deploy.sh purge")
        try:
            self._deploy("purge")
            of_stack = f"label=com.docker.stack.namespace={_STACK}"
            left = {
                kind: out
                for kind, out in (
                    ("containers", docker("ps", "-aq", "--filter", of_stack).split()),
                    ("networks", docker("network", "ls", "-q", "--filter", of_stack).split()),
                    ("volumes", docker("volume", "ls", "-q", "--filter", of_stack).split()),
                    ("configs", docker("config", "ls", "-q", "--filter", of_stack).split()),
                    ("secrets", docker("secret", "ls", "-q", "--filter", f"name={_STACK}").split()),
                )
                if out
            }
            self._n.check(
                "no container, network, volume, config or secret is left",
                not left,
                json.dumps(left),
            )
            if self._own_swarm:
                docker("swarm", "leave", "--force")
        except EngineError as error:
            self._n.check("everything could be removed", False, error)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/swarm-test.sh",
        description="Checks deploy/swarm on this machine as a Swarm of one node, as the stack "
        f"{_STACK}. An engine that is in no Swarm becomes one for the test, and leaves it "
        "afterwards.",
        epilog="Where no Docker engine answers, says so and succeeds. The last line is "
        '"N passed, N failed".',
    )
    parser.add_argument("--quick", action="store_true", help="fewer updates")
    arguments = parser.parse_args()
    if not engine.answers():
        print("swarm-test: skipped, because no Docker engine with Compose answers here")
        print("0 passed, 0 failed")
        return 0
    if not shutil.which("h2load"):
        print("swarm-test: h2load not found; `make deps` installs it")
        print("0 passed, 1 failed")
        return 1
    os.environ |= {
        "STACK_NAME": _STACK,
        "HTTP_PORT": str(engine.free_port()),
        "GATEWAYS": "3",
        "SERVICE_SEED_DEMO_DATA": "on",
        "AUTH_MODE": "required",
        **dict.fromkeys(_LOGIN_RATES, "0"),
    }
    os.chdir(ROOT)
    return SwarmTest(arguments.quick).run()


if __name__ == "__main__":
    sys.exit(main())
