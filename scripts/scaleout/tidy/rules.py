"""The house rules as tables. A finding says where the line belongs by these."""

# What each room may include. The rooms are directories; a room always includes itself. "proto/x" is
# the contract scaleout.x.v1, its generated code and the limits beside it (proto/scaleout/x/v1); the
# rooms under `gateway/` may include every contract only where this says "proto/*". Every contract,
# and every room under `services/`, is as "proto/x" and "services/x" say, with its own name for x.
ROOMS = {
    "proto/rpc": [],
    "proto/type": [],
    "proto/x": ["proto/rpc", "proto/type"],
    "common": ["proto/rpc"],
    "postgres": ["common"],
    "redis": ["common"],
    "service": ["common", "postgres", "redis", "proto/events", "proto/rpc"],
    "services/x": [
        "common",
        "postgres",
        "redis",
        "service",
        "proto/x",
        "proto/events",
        "proto/rpc",
        "proto/type",
    ],
    # Asks the payment service what has become of a reservation.
    "services/order": [
        "common",
        "postgres",
        "redis",
        "service",
        "proto/order",
        "proto/payment",
        "proto/events",
        "proto/rpc",
        "proto/type",
    ],
    "deploy/probe": ["common"],
    "gateway": ["common", "gateway/*"],
    "gateway/runtime": ["common"],
    "gateway/resilience": ["common", "gateway/runtime"],
    "gateway/redis": ["common", "redis", "gateway/runtime"],
    "gateway/cache": ["common", "redis", "gateway/redis", "gateway/runtime"],
    "gateway/events": ["common", "redis", "gateway/cache", "proto/events", "proto/rpc"],
    "gateway/auth": ["common", "redis", "gateway/redis", "gateway/runtime"],
    "gateway/observability": ["common", "gateway/runtime"],
    "gateway/cluster": ["common", "redis", "gateway/redis", "gateway/runtime"],
    "gateway/http": [
        "common",
        "gateway/runtime",
        "gateway/auth",
        "gateway/observability",
        "gateway/resilience",
    ],
    "gateway/backends": [
        "common",
        "gateway/runtime",
        "gateway/cache",
        "gateway/observability",
        "gateway/resilience",
        "proto/*",
    ],
    "gateway/json": ["common", "gateway/http", "proto/*"],
    "gateway/handlers": [
        "common",
        "gateway/runtime",
        "gateway/auth",
        "gateway/backends",
        "gateway/cluster",
        "gateway/events",
        "gateway/http",
        "gateway/json",
        "gateway/observability",
        "gateway/resilience",
        "proto/*",
    ],
}

# Where a third-party library may be used: (name, patterns of a header's path and of code), rooms.
LIBRARIES = [
    ("Pistache", r"pistache/", r"\bPistache::", ["gateway/runtime/*"]),
    ("libpqxx", r"pqxx/", r"\bpqxx::", ["postgres/*"]),
    ("libpq", r"^libpq-fe\.h", r"\bPQ[a-z]\w+\(", ["postgres/*"]),
    ("prometheus-cpp", r"prometheus/", r"\bprometheus::", ["common/metrics*"]),
    (
        "CivetWeb",
        r"(civetweb\.h|CivetServer\.h|prometheus/exposer\.h)",
        r"\bprometheus::Exposer\b",
        ["service/metrics_page.cc"],
    ),
    (
        "RapidJSON",
        r"rapidjson/",
        r"\brapidjson::",
        ["gateway/json/*", "gateway/http/*", "gateway/auth/*"],
    ),
    ("hiredis", r"hiredis/", r"\bredis(Async|Command|Connect|Reply)\w*\b", ["redis/*"]),
    (
        "OpenSSL",
        r"openssl/",
        r"\b(EVP_\w+|SHA(1|256)\()",
        ["redis/*", "gateway/auth/*", "services/user/*"],
    ),
    ("libsodium", r"^sodium(/|\.h)", r"\bcrypto_(pwhash|hash)\w*\(", ["services/user/*"]),
    ("utf8proc", r"^utf8proc\.h", r"\butf8proc_\w+\(", ["gateway/auth/*"]),
    (
        "a gRPC stub",
        r"scaleout/.*\.grpc\.pb\.h",
        r"\bNewStub\(",
        ["gateway/backends/*", "services/*", "deploy/probe/*"],
    ),
    (
        "gRPC",
        r"grpc(pp)?/",
        r"\bgrpc::",
        ["common/grpc_*", "service/*", "gateway/backends/*", "services/*", "deploy/probe/*"],
    ),
]

# What only one file does, so that tests can replace it: name, pattern, file, what to use instead.
SINGLE_DOORS = [
    (
        "the environment",
        r"\b(secure_)?getenv\s*\(|\bsetenv\s*\(|\benviron\b",
        "common/env.cc",
        "take a value, or read it through common/env.h",
    ),
    (
        "a clock",
        r"\b(steady|system|high_resolution)_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\("
        r"|\btime\s*\(\s*(nullptr|NULL|0|&)",
        "common/clock.cc",
        "take a Clock (common/clock.h)",
    ),
]

# rule -> {path: reason}. One that no longer excuses anything is a finding itself.
EXCEPTIONS = {
    "clock": {
        "service/service_host.cc": "gRPC takes the deadline of a shutdown as a system_clock time",
        "deploy/probe/grpc_probe.cc": "gRPC takes the deadline of a call as a system_clock time",
        "deploy/probe/http_probe.cc": "a program of one call, with its deadline on the socket",
    },
    "sleep": {
        "tests/support/eventually.h": "polls for what other threads bring about",
    },
    "test-mirror": {
        "tests/gateway/backends/fourth_backend_test.cc": "what a new backend needs of the gateway",
        "tests/gateway/backends/verbs_test.cc": "the same questions to each typed backend",
    },
}
