"""What the speed bench measures, and what is wanted of it. A scene is a function of a Speed."""

from scaleout.bench.speed.comparison import CPU, GATEWAY_CPU, P50, P99, RATE, Target
from scaleout.bench.speed.events import events
from scaleout.bench.speed.rows import PoissonRow, capacity, redis_round_trip_ms
from scaleout.bench.turns import WrkRow

_OVERVIEW = {
    connections: WrkRow("overview", "direct", connections) for connections in (1, 8, 64, 256)
}
_USER = WrkRow("user by id")
_ONE_LOOP = {"GATEWAY_LOOPS": "1"}
# Of the capacity without coalescing, and a rate that is the same on every machine.
_SHARES, _FIXED_RATE = (0.25, 0.5, 0.75), 1000
_OPEN_LOOP_SECONDS = 2  # times as long as a turn of wrk: a p99 needs thousands of requests


def overview(speed):
    speed.compare(
        "overview",
        "Direct, one loop, random ids of 1,000",
        speed.all_sides,
        [*_OVERVIEW.values(), _USER],
        [
            Target(_OVERVIEW[1], RATE, least=0.95),
            Target(_OVERVIEW[8], RATE, least=1.8),
            Target(_OVERVIEW[64], RATE, least=4.0),
            Target(_OVERVIEW[256], RATE, least=5.0),
            Target(_OVERVIEW[64], P99, most=0.33),
            Target(_OVERVIEW[64], CPU, most=0.3),
            Target(_USER, RATE, least=3.0),
        ],
        **_ONE_LOOP,
    )


def nginx(speed):
    rows = {connections: WrkRow("overview", "nginx", connections) for connections in (64, 256)}
    for gateways in (1, 3):
        wanted = {64: 1.7, 256: 2.2} if gateways == 3 else {}
        speed.compare(
            f"nginx, gateways={gateways}",
            f"Through nginx, {gateways} gateway{'s' if gateways > 1 else ''} with one loop each",
            speed.all_sides,
            list(rows.values()),
            [Target(rows[connections], RATE, least=least) for connections, least in wanted.items()],
            GATEWAYS=str(gateways),
            **_ONE_LOOP,
        )


def log(speed):
    rows = {route: WrkRow(route) for route in ("livez", "user by id", "overview")}
    for switch in ("on", "off"):
        wanted = {}
        if switch == "on" and speed.other:
            wanted = {"livez": 1.0, "user by id": 0.8, "overview": 0.87}
        speed.compare(
            f"access log {switch}",
            f"Without coalescing, access log {switch}",
            speed.sides_without_coalescing,
            list(rows.values()),
            [
                Target(rows[route], GATEWAY_CPU, most=most, side="off")
                for route, most in wanted.items()
            ],
            GATEWAY_ACCESS_LOG=switch,
            **_ONE_LOOP,
        )


def open_loop(speed):
    found = capacity(speed.off, "overview", speed.turn_seconds, **_ONE_LOOP)
    speed.n.figure("openLoopCapacity", found)
    shares = [PoissonRow("overview", found * share, f"{share:.0%}") for share in _SHARES]
    fixed = PoissonRow("overview", _FIXED_RATE)
    comparison = speed.compare(
        "open loop",
        f"Open loop, shares of the {found:.0f} requests/s that wrk gets without coalescing",
        speed.own_sides,
        [fixed, *shares],
        [Target(fixed, P50, most=1.1), Target(fixed, P99, most=1.25)],
        turn_seconds=_OPEN_LOOP_SECONDS * speed.turn_seconds,
        **_ONE_LOOP,
    )
    comparison.show_schedule(speed.n)


def delay(speed):
    speed.compare(
        "rpc delay",
        "Every RPC is held for 5 ms (LAB_RPC_DELAY)",
        speed.own_sides,
        [_OVERVIEW[8], _OVERVIEW[64]],
        [Target(_OVERVIEW[8], RATE, least=0.9), Target(_OVERVIEW[64], RATE, least=2.0)],
        LAB_RPC_DELAY="5ms",
        **_ONE_LOOP,
    )
    speed.compare(
        "slow keys",
        "One key in 100 takes 20 ms (LAB_SLOW_KEYS)",
        speed.own_sides,
        [_OVERVIEW[64], PoissonRow("overview", _FIXED_RATE)],
        [Target(_OVERVIEW[64], P99, most=2.0)],
        LAB_SLOW_KEYS="100",
        LAB_SLOW_KEY_DELAY="20ms",
        **_ONE_LOOP,
    )


def scaling(speed):
    row = WrkRow("overview", "nginx", 256)
    for loops, gateways in ((1, 1), (2, 1), (1, 3)):
        comparison = speed.compare(
            f"scaling, loops={loops}, gateways={gateways}",
            f"{gateways} gateway{'s' if gateways > 1 else ''} with {loops} "
            f"loop{'s' if loops > 1 else ''}: which processors are busy with what",
            speed.own_sides,
            [row],
            [],
            GATEWAY_LOOPS=str(loops),
            GATEWAYS=str(gateways),
        )
        comparison.show_processors(speed.n)


def cache(speed):
    """Warm reads: every value is fresh."""
    probe, user, whole = WrkRow("livez"), WrkRow("user by id"), WrkRow("overview")
    one_probe, one_user = WrkRow("livez", connections=1), WrkRow("user by id", connections=1)
    comparison = speed.compare(
        "cache",
        "Warm cached reads, direct, one loop, random ids of 1,000",
        [speed.cached, *speed.own_sides],
        [probe, user, whole, one_probe, one_user],
        [
            Target(user, RATE, least=0.35, side="cached", over=probe),
            Target(whole, RATE, least=5.0, side="cached"),
            Target(whole, RATE, least=1.5, side="cached", base="on"),
        ],
        **_ONE_LOOP,
    )
    # A hit is one round trip to Redis more than a probe.
    round_trip = redis_round_trip_ms(speed.cached, **_ONE_LOOP)
    speed.n.figure("redisRoundTripMs", round_trip)
    least = comparison.median(one_probe, "cached", P50) + round_trip
    took = comparison.median(one_user, "cached", P50)
    speed.n.check(
        f"{one_user}: p50 at most 1.3 of {one_probe} and a round trip to Redis ({least:.3f} ms)",
        took <= 1.3 * least,
        f"{took / least:.2f}",
    )


SCENES = {
    "overview": overview,
    "nginx": nginx,
    "log": log,
    "open-loop": open_loop,
    "delay": delay,
    "scaling": scaling,
    "cache": cache,
    "events": events,
}
