"""What /api/instances says, as a small table: what each live gateway last said of itself."""

from scaleout.load.client import Client

_HEADER = ("instance", "pid", "req/s", "in flight", "lag ms", "max", "busy", "breakers", "")
# The answer is one gateway's, and it waits for nothing longer than redis-state, 50 ms.
_SECONDS = 2


def print_instances(console, url):
    """The table, or one line that says why there is none."""
    answer = Client(url, timeout=_SECONDS).get("/api/instances")
    said = answer.json()
    if answer.status != 200 or not isinstance(said.get("instances"), list):
        console.say(f"\n  instances: {url}/api/instances has no answer ({answer})")
        return
    if not said.get("complete"):
        why = "redis-state does not answer, or was emptied"
        console.say(f"\n  instances: not all, {why}; this is {answer.instance} alone or with a few")
    else:
        console.say()
    console.table(_HEADER, [_row(each) for each in said["instances"]])


def _row(said):
    """Another version may say less."""
    lag = said.get("lagMs", {})
    return (
        said.get("instanceId", "?"),
        said.get("processId", "-"),
        _number(said.get("requestsPerSecond")),
        said.get("requestsInFlight", "-"),
        _number(lag.get("current"), 1),
        _number(lag.get("max"), 1),
        "-" if "utilization" not in said else f"{100 * said['utilization']:.0f}%",
        _breakers(said.get("breakers", {})),
        "draining" if said.get("draining") else "",
    )


def _number(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def _breakers(states):
    """Those that are not closed, by name."""
    rest = [f"{name} {state}" for name, state in states.items() if state != "CLOSED"]
    return ", ".join(rest) if rest else "closed"
