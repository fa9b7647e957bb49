"""Scenes 6 to 9: the running stack is scaled, damaged and balanced in another way, under load."""

import time

from engine import eventually
from scaleout.docker import inspect
from scaleout.load.buyer import Buyers
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.h2load import Steady
from scaleout.money import checker
from scaleout.topology import SERVICES

# How long nginx may take to act on a change of replicas.
_SETTLED_SECONDS = 5
# Of a payment that is repeated while the lease of its first attempt lasts: that attempt may have
# ended with the database, and could not give the lease back.
_IN_PROGRESS = "409 /problems/idempotency-key-in-progress"


def check_scaling(project):
    project.n.scene(
        "6. Scaling under load",
        "3, 5 and 2 gateways while requests come in at a fixed rate; no request may fail.",
    )
    rate, hold = (150, 8) if project.quick else (200, 15)
    with Steady(f"{project.url}/api/users/7", rate, 3 * hold + 25) as load:
        time.sleep(3)
        for count in (5, 2):
            project.n.command(f"docker compose up -d --scale api-gateway={count}")
            began = time.monotonic()
            project.compose("up", "--detach", "--no-recreate", "--scale", f"api-gateway={count}")
            took = time.monotonic() - began
            project.n.say(f"    {load.elapsed:5.1f} s  Compose is done, after {took:.1f} s")
            time.sleep(_SETTLED_SECONDS)
            moment = time.time() + 1
            time.sleep(hold)
            project.check_shares(project.served_since(moment), count)
    project.check_load(load)
    project.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "api-gateway=3")


def check_killed_gateways(project):
    project.n.scene(
        "7. Two of three gateways are killed",
        "SIGKILL to their main processes, from outside; the engine brings them back.",
    )
    before = {c["Id"][:12]: c["State"]["Pid"] for c in inspect(*project.ids("api-gateway"))}
    with Steady(f"{project.url}/api/users/7", 150, 25) as load:
        time.sleep(4)
        for k in (1, 2):
            project.driver.kill("api-gateway", k)
        project.n.say(f"    {load.elapsed:5.1f} s  gateways 1 and 2 are killed")

        def restarted():
            now = {c["Id"][:12]: c for c in inspect(*project.ids("api-gateway"))}
            return [
                i
                for i, c in now.items()
                if c["State"]["Running"]
                and c["State"]["Pid"] != before[i]
                and c["State"]["Health"]["Status"] == "healthy"
            ]

        back = eventually(lambda: len(restarted()) == 2, 30)
        project.n.say(f"    {load.elapsed:5.1f} s  {len(restarted())} are back and healthy")
        project.n.check("both come back by themselves", back)
        time.sleep(_SETTLED_SECONDS)
        moment = time.time() + 1
        time.sleep(5)
        project.check_shares(project.served_since(moment), 3)
    project.check_load(load)


def check_killed_database(project):
    project.n.scene(
        "8. PostgreSQL is killed while orders and payments are made",
        "Problems with 503 meanwhile; afterwards everything is answered, and what was acknowledged "
        "is there, once.",
    )
    started = {
        i["Id"]: i["State"]["StartedAt"]
        for i in inspect(
            *project.ids("api-gateway"), *(i for s in SERVICES for i in project.ids(s))
        )
    }
    broken_at = time.monotonic()
    with Buyers(project.url, 2) as buyers:
        time.sleep(3)
        project.driver.kill("postgres")
        time.sleep(2)
        project.driver.stop("postgres")
        during = _unavailable(project)
        time.sleep(2)
        project.driver.start("postgres")
        began = time.monotonic()
        eventually(
            lambda: all(
                project.client.get(p, PAST_THE_CACHE).status == 200
                for p in ("/api/users/7", "/api/orders?user_id=1", "/api/payments?user_id=1")
            ),
            60,
        )
        recovered = time.monotonic() - began
        time.sleep(3)
    project.n.table(("answer", "times"), sorted(buyers.answers.items()))
    project.n.check(
        "meanwhile a read past the cache is a problem document with 503",
        during.status == 503 and during.headers.get_content_type() == "application/problem+json",
        during,
    )
    refused = [answer for answer in buyers.answers if answer.startswith("503 ")]
    others = set(buyers.answers) - {"201", _IN_PROGRESS, *refused}
    if project.stood_still_for(time.monotonic() - broken_at):
        others = {answer for answer in others if not answer.startswith("504 ")}
    project.n.check(
        "writes succeed, are refused with 503, or are still in progress, nothing else",
        refused and not others,
        ", ".join(sorted(others)),
    )
    limit = project.patience(10)
    project.n.check(
        f"everything is answered again within {limit} s", recovered < limit, f"{recovered:.1f} s"
    )
    now = {i["Id"]: i["State"]["StartedAt"] for i in inspect(*started)}
    project.n.check("no gateway and no service was restarted for it", now == started)
    checker.check(project.n, project.driver, buyers.record)


def _unavailable(project):
    """The answer to a read past the cache, after some tries if its deadline came first."""
    for _ in range(5):
        answer = project.client.get("/api/users/7", PAST_THE_CACHE)
        if answer.status == 503:
            break
    return answer


def check_balancing(project):
    project.n.scene("9. LB_STRATEGY", "From the same template as natively; changed live.")
    with Steady(f"{project.url}/api/users/7", 100, 12) as load:
        project.driver.balance("ip_hash")
        homes = [set(project.driver.instances_for([f"203.0.113.{k}"] * 4)) for k in range(1, 16)]
        project.n.check(
            "ip_hash: a client stays with one gateway", all(len(home) == 1 for home in homes)
        )
        project.n.check(
            "and clients spread over all", len(set.union(*homes)) == 3, set.union(*homes)
        )
        project.driver.balance("least_conn")
        seen = set()
        eventually(
            lambda: seen.update(project.client.get("/api/metrics").instance for _ in range(30))
            or len(seen) == 3,
            10,
        )
        project.n.check("least_conn: idle gateways share the work", len(seen) == 3, seen)
        project.driver.balance("round_robin")
    project.check_load(load)
