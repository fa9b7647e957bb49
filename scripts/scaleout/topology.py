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
STRATEGIES = ("round_robin", "least_conn", "ip_hash")
# Which of the caller's variables the programs are given, beside those that a stack sets itself. A
# name that fits the services is not the gateways'.
GATEWAY_PREFIXES = ("GATEWAY_", "COALESCE", "LAB_", "LOOP_")
SERVICE_PREFIXES = ("SERVICE_", "DB_", "PROVIDER_", "LAB_RPC_", "LAB_SLOW_")
# Read by the sanitizers' runtimes, in programs that are built with them.
SANITIZER_OPTIONS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
