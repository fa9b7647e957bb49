"""compose.yaml as its users run it, on a project of its own: built, started, looked at, scaled, broken, taken away."""

import argparse
import collections
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

from containers import engine
from containers.engine import ROOT, EngineError, docker, eventually
from containers.load import SteadyLoad, Writers
from lab.client import Client
from lab.driver import Driver, DriverError
from lab.narrator import Narrator
from native.settings import SERVICES

_PROJECT = "scaleout-test"
_MEMORY_MB = 512
_IMAGE_MB = 120
_PARTS = ("nginx", "api-gateway", *SERVICES, "postgres", "redis")
_DRILLS = ("breaker", "blackhole", "kill-gateways", "rolling-restart", "overload", "cpu-bound", "durability")
# Those that ask whether nothing is lost. How fast something is, a short run on a busy machine cannot say.
_QUICK_DRILLS = ("kill-gateways", "rolling-restart", "durability")
# How long nginx may take to act on a change of replicas, and how far a share may be from an even one.
_SETTLED_SECONDS = 5
_SHARE_TOLERANCE = 0.10


def free_port(first=18300, last=18350):
    for port in range(first, last):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise EngineError(f"no port from {first} to {last} is free")


class ComposeTest:
    def __init__(self, quick, only):
        self._quick = quick
        self._only = only
        self._n = None
        self._driver = None
        self._client = None
        self._url = ""

    def run(self):
        self._n = Narrator(f"The stack in containers, as the project {_PROJECT}")
        self._url = f"http://localhost:{os.environ['HTTP_PORT']}"
        try:
            self.is_well_formed()
            self.builds()
            self.starts()
            for name, scene in self.scenes().items():
                if name in self._only or not self._only:
                    scene()
        except (EngineError, DriverError) as error:
            self._n.check("the test could go on", False, error)
            self._show_state()
        finally:
            self.leaves_nothing()
        self._n.finish()
        failed = sum(not check["passed"] for check in self._n.checks)
        print(f"{len(self._n.checks) - failed} passed, {failed} failed")
        return 1 if failed else 0

    def scenes(self):
        return {
            "confined": self.is_confined,
            "memory": self.fits_into_memory,
            "scaling": self.is_scaled_under_load,
            "killed-gateways": self.survives_killed_gateways,
            "killed-database": self.survives_a_killed_database,
            "balancing": self.balances_as_told,
            "observed": self.is_observed,
            "tour": self.passes_the_tour,
            "drills": self.passes_the_drills,
        }

    @staticmethod
    def _compose(*arguments, seconds=900):
        return docker("compose", "--progress", "plain", *arguments, seconds=seconds)

    def _ids(self, part=None):
        return self._compose("ps", "--all", "--quiet", *([part] if part else [])).split()

    def _show_state(self):
        try:
            self._n.tell(self._compose("ps", "--all"))
            self._n.tell(self._compose("logs", "--tail", "5"))
        except EngineError as error:
            self._n.tell(str(error))

    def _served_since(self, moment):
        """How many requests of the steady load each gateway answered since then, as nginx' log tells."""
        stamp = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return collections.Counter(f["gateway"] for f in self._nginx_log(stamp) if f.get("path") == "/api/users/7")

    def _nginx_log(self, since):
        for line in docker("logs", "--since", since, *self._ids("nginx")).splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def _check_load(self, load):
        self._n.tell(f"    {load}")
        if not self._n.check("no request failed", load.failures == 0, load):
            since = f"{load.elapsed + 5:.0f}s"
            bad = [f for f in self._nginx_log(since) if f.get("path") == "/api/users/7" and f["status"] != 200]
            for fields in bad[:5]:
                self._n.tell(f"    | {json.dumps(fields)}")
                for line in docker("compose", "logs", "--no-log-prefix", "api-gateway").splitlines():
                    if fields["requestId"] in line or "Call to backend failed" in line:
                        self._n.tell(f"    |   {line[-400:]}")

    def _check_shares(self, shares, wanted):
        mean = sum(shares.values()) / max(len(shares), 1)
        worst = max((abs(count - mean) / mean for count in shares.values()), default=1)
        self._n.table(("gateway", "requests"), sorted(shares.items()))
        self._n.check(f"{wanted} gateways serve", len(shares) == wanted)
        self._n.check(f"shares are within {_SHARE_TOLERANCE:.0%} of even", worst <= _SHARE_TOLERANCE, f"{worst:.1%}")

    def is_well_formed(self):
        self._n.scene("1. The compose file")
        result = subprocess.run(["docker", "compose", "--profile", "observability", "config", "--quiet"], cwd=ROOT, text=True,
                                capture_output=True, check=False)
        self._n.check("`docker compose config` has nothing to say", result.returncode == 0 and not result.stderr.strip(),
                      result.stderr.strip())

    def builds(self):
        self._n.scene("2. Images", "One Dockerfile; the compiler's work and the packages stay in BuildKit's caches.")
        began = time.monotonic()
        self._compose("build", seconds=3600)
        self._n.figure("buildSeconds", time.monotonic() - began)
        self._n.tell(f"  built in {time.monotonic() - began:.0f} s")
        tag = os.environ.get("SCALEOUT_TAG", "dev")
        images = engine.inspect(*(f"scaleout/{name}:{tag}" for name in ("api-gateway", *SERVICES)))
        sizes = {image["RepoTags"][0]: image["Size"] / 1e6 for image in images}
        self._n.table(("image", "MB"), [(name, f"{size:.1f}") for name, size in sizes.items()])
        self._n.check(f"each image is under {_IMAGE_MB} MB", all(size < _IMAGE_MB for size in sizes.values()))
        self._n.check("each says that it is not root, how it is stopped, and how its health is asked",
                      all(image["Config"]["User"] == "10001:10001" and image["Config"]["StopSignal"] == "SIGTERM"
                          and image["Config"]["Healthcheck"] for image in images))
        shell = subprocess.run(["docker", "run", "--rm", "--entrypoint", "/bin/sh", images[0]["Id"], "-c", "true"], text=True,
                               capture_output=True, check=False)
        self._n.check("there is no shell in them", shell.returncode == 127, shell.returncode)

    def starts(self):
        self._n.scene("3. Up", "Everything healthy, in one command.")
        self._n.command("docker compose up --build -d --wait --scale api-gateway=3")
        began = time.monotonic()
        self._compose("up", "--build", "--detach", "--wait", "--scale", "api-gateway=3", seconds=300)
        self._n.figure("upSeconds", time.monotonic() - began)
        self._n.check("up within a minute", time.monotonic() - began < 60, f"{time.monotonic() - began:.1f} s")
        self._driver = Driver("compose")
        self._client = Client(self._url)
        self._n.command("for i in {1..9}; do curl -s localhost:8080/api/count; echo; done")
        answers = [self._client.get("/api/count").json() for _ in range(9)]
        for answer in answers:
            self._n.tell(f"    {json.dumps(answer)}")
        self._n.check("counts 1 1 1 2 2 2 3 3 3", [a.get("count") for a in answers] == [1, 1, 1, 2, 2, 2, 3, 3, 3])
        self._n.check("over three instances, in turns", len({a.get("instanceId") for a in answers}) == 3
                      and [a.get("instanceId") for a in answers[:6]] == [a.get("instanceId") for a in answers[3:]])
        again = time.monotonic()
        self._compose("up", "--detach", "--wait", "--scale", "api-gateway=3")
        self._n.check("the same command once more changes nothing",
                      sorted(self._driver.instances()) == sorted({a.get("instanceId") for a in answers}),
                      f"{time.monotonic() - again:.1f} s")

    def is_confined(self):
        self._n.scene("4. What a container may do", "As little as possible: looked at from outside, in the running containers.")
        everything = {c["Name"].lstrip("/"): c for c in engine.inspect(*self._ids())}
        running = {name: c for name, c in everything.items() if c["State"]["Running"]}
        self._n.check("nine containers and one that has made the passwords and ended",
                      len(running) == 9 and len(everything) == 10, ", ".join(sorted(everything)))

        def everywhere(what, holds, among=running):
            wrong = [name for name, c in among.items() if not holds(c)]
            self._n.check(what, not wrong, ", ".join(wrong))

        # Where the engine is on another machine (Docker Desktop), its own word for the user has to do.
        everywhere("none is root", lambda c: c["Config"]["User"].split(":")[0] not in ("", "0", "root"), everything)
        everywhere("no main process is root's", lambda c: engine.user_of_process(c["State"]["Pid"]) != 0)
        everywhere("no root file system can be written to", lambda c: c["HostConfig"]["ReadonlyRootfs"], everything)
        everywhere("no capabilities", lambda c: c["HostConfig"]["CapDrop"] == ["ALL"] and not c["HostConfig"]["CapAdd"], everything)
        everywhere("no way to gain any", lambda c: "no-new-privileges:true" in c["HostConfig"]["SecurityOpt"], everything)
        everywhere("memory and processes are limited", lambda c: c["HostConfig"]["Memory"] > 0
                   and (c["HostConfig"]["PidsLimit"] or 0) > 0, everything)
        everywhere("each comes back when it dies", lambda c: c["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped")
        everywhere("each is healthy", lambda c: c["State"]["Health"]["Status"] == "healthy")
        published = {name: sorted(f"{b['HostIp']}:{b['HostPort']}" for ports in c["NetworkSettings"]["Ports"].values()
                                  for b in ports or []) for name, c in running.items()}
        published = {name: ports for name, ports in published.items() if ports}
        self._n.check("one port is published, nginx', on this machine only",
                      list(published.values()) == [[f"127.0.0.1:{os.environ['HTTP_PORT']}"]] and "nginx" in next(iter(published)),
                      published)
        networks = engine.inspect(*docker("network", "ls", "-q", "--filter",
                                          f"label=com.docker.compose.project={_PROJECT}").split())
        open_ones = sorted(n["Name"] for n in networks if not n["Internal"])
        self._n.check("one network leads outside, and only nginx is on it", open_ones == [f"{_PROJECT}_front"] and
                      [c["Name"] for n in networks if not n["Internal"] for c in n["Containers"].values()] == [f"{_PROJECT}-nginx-1"],
                      open_ones)
        environments = [variable for c in everything.values() for variable in c["Config"]["Env"]]
        self._n.check("no container's environment holds a password",
                      not [v for v in environments if "PASSWORD" in v.split("=")[0] and "_FILE=" not in v])
        outside = [self._client.get(path).status for path in ("/metrics", "/livez", "/readyz")]
        self._n.check("probes and the Prometheus page are not reachable from outside", outside == [404, 404, 404], outside)

    def fits_into_memory(self):
        self._n.scene("5. Memory", "The core stack with three gateways, after the first requests.")
        memory = engine.memory_of([c["Id"] for c in engine.inspect(*self._ids()) if c["State"]["Running"]])
        total = sum(memory.values())
        self._n.table(("container", "MB"), [(name, f"{mb:.1f}") for name, mb in sorted(memory.items())])
        self._n.figure("memoryMb", total)
        self._n.check(f"the sum is under {_MEMORY_MB} MB", total < _MEMORY_MB, f"{total:.0f} MB")

    def is_scaled_under_load(self):
        self._n.scene("6. Scaling under load", "3, 5 and 2 gateways while requests come in at a fixed rate; nobody may notice.")
        rate, hold = (150, 8) if self._quick else (200, 15)
        with SteadyLoad(f"{self._url}/api/users/7", rate, 3 * hold + 25) as load:
            time.sleep(3)
            for count in (5, 2):
                self._n.command(f"docker compose up -d --scale api-gateway={count}")
                began = time.monotonic()
                self._compose("up", "--detach", "--no-recreate", "--scale", f"api-gateway={count}")
                self._n.tell(f"    {load.elapsed:5.1f} s  Compose is done, after {time.monotonic() - began:.1f} s")
                time.sleep(_SETTLED_SECONDS)
                moment = time.time() + 1
                time.sleep(hold)
                self._check_shares(self._served_since(moment), count)
        self._check_load(load)
        self._compose("up", "--detach", "--wait", "--no-recreate", "--scale", "api-gateway=3")

    def survives_killed_gateways(self):
        self._n.scene("7. Two of three gateways are killed", "SIGKILL to their main processes, from outside; the engine brings them back.")
        before = {c["Id"][:12]: c["State"]["Pid"] for c in engine.inspect(*self._ids("api-gateway"))}
        with SteadyLoad(f"{self._url}/api/users/7", 150, 25) as load:
            time.sleep(4)
            for k in (1, 2):
                self._driver.kill("api-gateway", k)
            self._n.tell(f"    {load.elapsed:5.1f} s  gateways 1 and 2 are killed")

            def restarted():
                now = {c["Id"][:12]: c for c in engine.inspect(*self._ids("api-gateway"))}
                return [i for i, c in now.items() if c["State"]["Running"] and c["State"]["Pid"] != before[i]
                        and c["State"]["Health"]["Status"] == "healthy"]

            back = eventually(lambda: len(restarted()) == 2, 30)
            self._n.tell(f"    {load.elapsed:5.1f} s  {len(restarted())} are back and healthy")
            self._n.check("both come back by themselves", back)
            time.sleep(_SETTLED_SECONDS)
            moment = time.time() + 1
            time.sleep(5)
            self._check_shares(self._served_since(moment), 3)
        self._check_load(load)

    def survives_a_killed_database(self):
        self._n.scene("8. PostgreSQL is killed while orders and payments are made",
                      "Problems with 503 meanwhile; afterwards all is well, and what was acknowledged is there, once.")
        started = {i["Id"]: i["State"]["StartedAt"] for i in engine.inspect(*self._ids("api-gateway"), *(
            i for s in SERVICES for i in self._ids(s)))}
        with Writers(self._url) as writers:
            time.sleep(3)
            self._driver.kill("postgres")
            time.sleep(2)
            self._driver.stop("postgres")
            during = self._client.get("/api/users/7")
            time.sleep(2)
            self._driver.start("postgres")
            began = time.monotonic()
            eventually(lambda: all(self._client.get(p).status == 200 for p in ("/api/users/7", "/api/orders?user_id=1",
                                                                               "/api/payments?user_id=1")), 30)
            recovered = time.monotonic() - began
            time.sleep(3)
        self._n.table(("answer", "times"), sorted(writers.verdicts.items()))
        self._n.check("meanwhile a read is a problem document with 503", during.status == 503
                      and during.headers.get_content_type() == "application/problem+json", during)
        refused = [v for v in writers.verdicts if v.startswith("503 ")]
        others = set(writers.verdicts) - {"201", Writers.IN_PROGRESS, *refused}
        self._n.check("writes are made, refused with 503, or still in progress, nothing else", refused and not others,
                      ", ".join(sorted(others)))
        self._n.check("all is well again within 10 s", recovered < 10, f"{recovered:.1f} s")
        now = {i["Id"]: i["State"]["StartedAt"] for i in engine.inspect(*started)}
        self._n.check("no gateway and no service was restarted for it", now == started)
        self._check_books(writers)

    def _check_books(self, writers):
        orders = ",".join(map(str, writers.orders))
        payments = ",".join(map(str, writers.payments.values()))
        self._n.check("orders and payments were acknowledged", orders and payments)
        if not orders or not payments:
            return
        found = int(self._driver.psql("orders", f"SELECT count(*) FROM orders WHERE id IN ({orders})"))
        self._n.check("every acknowledged order is in the database, once", found == len(writers.orders) == len(set(writers.orders)),
                      f"{found} of {len(writers.orders)}")
        found = int(self._driver.psql("payments", f"SELECT count(*) FROM payments WHERE id IN ({payments})"))
        doubled = self._driver.psql("payments", "SELECT count(*) FROM (SELECT order_id FROM payments WHERE order_id IN "
                                    f"({orders}) GROUP BY order_id HAVING count(*) > 1) AS doubled")
        self._n.check("every acknowledged payment is in the database, and no order was charged twice",
                      found == len(set(writers.payments.values())) and doubled == "0", f"{found} of {len(writers.payments)}, {doubled} doubled")

    def balances_as_told(self):
        self._n.scene("9. LB_STRATEGY", "From the same template as natively; changed live.")
        with SteadyLoad(f"{self._url}/api/users/7", 100, 12) as load:
            self._driver.balance("ip_hash")
            homes = [{self._client.request("GET", "/api/metrics", headers={"X-Forwarded-For": f"203.0.113.{k}"}).instance
                      for _ in range(4)} for k in range(1, 16)]
            self._n.check("ip_hash: a client stays with one gateway", all(len(home) == 1 for home in homes))
            self._n.check("and clients spread over all", len(set.union(*homes)) == 3, set.union(*homes))
            self._driver.balance("least_conn")
            seen = {self._client.get("/api/metrics").instance for _ in range(30)}
            self._n.check("least_conn: idle gateways share the work", len(seen) == 3, seen)
            self._driver.balance("round_robin")
        self._check_load(load)

    def is_observed(self):
        self._n.scene("10. Prometheus and a second replica of a service",
                      "Found by DNS; gateways turn to the new replica when their connections have reached their age.")
        self._compose("--profile", "observability", "up", "--detach", "--wait", "--no-recreate", "--scale", "api-gateway=3",
                      "--scale", "user-service=2")
        base = f"http://127.0.0.1:{os.environ['PROMETHEUS_PORT']}/api/v1/query?query="

        def query(expression):
            try:
                with urllib.request.urlopen(base + urllib.parse.quote(expression), timeout=5) as answer:
                    return json.load(answer)["data"]["result"]
            except (OSError, urllib.error.URLError, ValueError, KeyError):
                return []

        wanted = {"api-gateway": 3, **dict.fromkeys(SERVICES, 1), "user-service": 2, "prometheus": 1}

        def replicas_up():
            found = {r["metric"]["job"]: int(r["value"][1]) for r in query("sum by (job) (up)")}
            return found == wanted and found

        found = eventually(replicas_up, 40, 1)
        self._n.check("every replica of every part is scraped", found, found or query("sum by (job) (up)"))
        with SteadyLoad(f"{self._url}/api/users/7", 50, 55):
            def both_serve():
                rates = query('rate(rpc_server_call_duration_seconds_count{job="user-service"}[15s]) > 1')
                return len({r["metric"]["instance"] for r in rates}) == 2
            began = time.monotonic()
            both = eventually(both_serve, 50, 1)
            self._n.check("both replicas of the user service get calls", both, f"after {time.monotonic() - began:.0f} s")
        self._compose("--profile", "observability", "stop", "prometheus")
        self._compose("up", "--detach", "--wait", "--no-recreate", "--scale", "api-gateway=3")

    def passes_the_tour(self):
        self._n.scene("11. The tour", "The same script as natively.")
        self._n.command("STACK=compose scripts/test-scaling.sh")
        self._passes(["scripts/test-scaling.sh"], "the tour")

    def passes_the_drills(self):
        self._n.scene("12. The drills", "The same script as natively.")
        for name in _QUICK_DRILLS if self._quick else _DRILLS:
            self._passes(["scripts/drill.sh", name, *(["--quick"] if self._quick else [])], f"drill {name}")

    def _passes(self, command, name):
        began = time.monotonic()
        try:
            result = subprocess.run(command, cwd=ROOT, env={**os.environ, "STACK": "compose"}, text=True, capture_output=True,
                                    check=False, timeout=900)
            told, status = result.stdout + result.stderr, result.returncode
        except subprocess.TimeoutExpired:
            told, status = "", "none in 900 s"
        if not self._n.check(f"{name} passes", status == 0, f"exit status {status}, {time.monotonic() - began:.0f} s"):
            for line in told.splitlines()[-40:]:
                self._n.tell(f"    | {line}")

    def leaves_nothing(self):
        self._n.scene("13. Down")
        self._n.command("docker compose down -v")
        try:
            self._compose("--profile", "observability", "down", "--volumes", "--remove-orphans", seconds=180)
            mine = f"label=com.docker.compose.project={_PROJECT}"
            left = [*docker("ps", "-aq", "--filter", mine).split(), *docker("network", "ls", "-q", "--filter", mine).split(),
                    *docker("volume", "ls", "-q", "--filter", mine).split()]
            self._n.check("no container, network or volume is left", not left, left)
        except EngineError as error:
            self._n.check("everything could be taken down", False, error)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/compose-test.sh",
        description="Builds the images and checks the stack in containers from the first start to the last trace, on a Compose "
                    f"project of its own ({_PROJECT}), beside any other stack.",
        epilog="Where no Docker engine answers, says so and succeeds. The last line is \"N passed, N failed\".")
    parser.add_argument("--quick", action="store_true", help="shorter loads, and the short forms of " + ", ".join(_QUICK_DRILLS))
    parser.add_argument("scene", nargs="*", help="only these, after the start: " + ", ".join(ComposeTest(False, []).scenes()))
    arguments = parser.parse_args()
    if not engine.answers():
        print("compose-test: skipped, because no Docker engine with Compose answers here (docker info, docker compose version)")
        print("0 passed, 0 failed")
        return 0
    missing = [tool for tool in ("h2load", "curl") if not shutil.which(tool)]
    if missing:
        print(f"compose-test: {', '.join(missing)} not found; `make deps` installs it")
        print("0 passed, 1 failed")
        return 1
    # Nothing that the caller has set for a stack of his own may leak into this one.
    for name in [n for n in os.environ if n.startswith(("COMPOSE_", "GATEWAY_", "LAB_", "LOOP_", "LB_", "SERVICE_", "DB_", "NGINX_",
                                                        "HTTP_", "PROMETHEUS_"))]:
        del os.environ[name]
    os.environ["COMPOSE_PROJECT_NAME"] = _PROJECT
    os.environ["COMPOSE_ENV_FILES"] = os.devnull
    os.environ["HTTP_PORT"] = str(free_port())
    os.environ["PROMETHEUS_PORT"] = str(free_port(int(os.environ["HTTP_PORT"]) + 1))
    return ComposeTest(arguments.quick, arguments.scene).run()


if __name__ == "__main__":
    sys.exit(main())
