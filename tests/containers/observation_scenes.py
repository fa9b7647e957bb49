"""Scene 10: Prometheus, and a second replica of a service."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

from engine import eventually
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.h2load import Steady
from scaleout.topology import SERVICES


def check_prometheus(project):
    project.n.scene(
        "10. Prometheus and a second replica of a service",
        "Found by DNS; gateways use the new replica when their connections have reached their age.",
    )
    project.compose(
        "--profile",
        "observability",
        "up",
        "--detach",
        "--wait",
        "--no-recreate",
        "--scale",
        "api-gateway=3",
        "--scale",
        "user-service=2",
    )
    base = f"http://127.0.0.1:{os.environ['PROMETHEUS_PORT']}/api/v1/query?query="

    def query(expression):
        try:
            with urllib.request.urlopen(base + urllib.parse.quote(expression), timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except (OSError, urllib.error.URLError, ValueError, KeyError):
            return []

    wanted = {
        "api-gateway": 3,
        **dict.fromkeys(SERVICES, 1),
        "user-service": 2,
        "prometheus": 1,
    }

    def replicas_up():
        found = {r["metric"]["job"]: int(r["value"][1]) for r in query("sum by (job) (up)")}
        return found == wanted and found

    found = eventually(replicas_up, 40, 1)
    project.n.check(
        "every replica of every part is scraped", found, found or query("sum by (job) (up)")
    )
    with Steady(f"{project.url}/api/users/7", 50, 55, PAST_THE_CACHE):

        def both_serve():
            rates = query(
                'rate(rpc_server_call_duration_seconds_count{job="user-service"}[15s]) > 1'
            )
            return len({r["metric"]["instance"] for r in rates}) == 2

        began = time.monotonic()
        both = eventually(both_serve, 50, 1)
        project.n.check(
            "both replicas of the user service get calls",
            both,
            f"after {time.monotonic() - began:.0f} s",
        )
    project.compose("--profile", "observability", "stop", "prometheus")
    project.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "api-gateway=3")
