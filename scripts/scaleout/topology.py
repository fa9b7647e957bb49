"""What the suite consists of, wherever it runs: the services with their databases, the names that
the gateway uses for them, and which environment variables are whose.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The database and the role of each service.
DATABASES = {
    "user-service": ("users", "user_service"),
    "order-service": ("orders", "order_service"),
    "payment-service": ("payments", "payment_service"),
}
SERVICES = tuple(DATABASES)
# The services as the gateway calls them: in /api/health and in GATEWAY_<NAME>_TARGET.
BACKENDS = tuple(service.removesuffix("-service") for service in SERVICES)
# What the gateway has a circuit breaker, counts and faults for: those, and calls that wait for what
# is slow by its nature.
GUARDS = (*BACKENDS, "credentials", "charges")
# One may forget what it holds, the other may not; deploy/redis has what each is.
REDIS_SERVERS = ("redis-cache", "redis-state")
STRATEGIES = ("round_robin", "least_conn", "ip_hash")
# Which of the caller's variables the programs are given, beside those that a stack sets itself. A
# name that fits the services is not the gateways'.
GATEWAY_PREFIXES = ("GATEWAY_", "COALESCE", "LAB_", "LOOP_", "REDIS_", "CACHE")
SERVICE_PREFIXES = ("SERVICE_", "DB_", "EVENTS_", "ORDER_", "PROVIDER_", "LAB_RPC_", "LAB_SLOW_")

# These go to each program that knows the name: some are for one program, some for two.
IDENTITY_PREFIXES = ("AUTH_", "LOGIN_RATE_", "RATE_LIMIT", "TRUSTED_PROXIES")


def redis_variable(server, what):
    """The name of a program's setting for one of the servers, such as REDIS_CACHE_ADDRESS."""
    return f"{server.replace('-', '_').upper()}_{what}"


# A stack sets these and KEY_WIRING itself, each as NAME or as NAME_FILE, and takes neither from its
# caller.
REDIS_WIRING = tuple(
    redis_variable(server, what) for server in REDIS_SERVERS for what in ("ADDRESS", "PASSWORD")
)
KEY_WIRING = ("AUTH_SIGNING_KEY", "AUTH_PUBLIC_KEYS")
# Read by the sanitizers' runtimes, in programs that are built with them.
SANITIZER_OPTIONS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
