"""The rules about rooms, libraries, the environment and clocks."""

import pytest

from small_tree import findings, header, only
from scaleout.tidy.architecture import circle_of_rooms, room_of
from scaleout.tidy.rules import ROOMS


@pytest.mark.parametrize(
    "path, included",
    [
        ("common/x.cc", "gateway/http/route.h"),
        ("common/x.cc", "services/user/user_service.h"),
        ("common/x.cc", "scaleout/user/v1/user.pb.h"),
        ("services/user/x.cc", "gateway/routes.h"),
        ("services/user/x.cc", "services/order/order_state.h"),
        ("services/user/x.cc", "scaleout/order/v1/order.pb.h"),
        ("services/new/x.cc", "scaleout/order/v1/order.pb.h"),
        ("services/user/x.cc", "proto/scaleout/order/v1/order_limits.h"),
        ("gateway/http/x.cc", "proto/scaleout/user/v1/user_limits.h"),
        ("proto/scaleout/user/v1/x.cc", "proto/scaleout/order/v1/order_limits.h"),
        ("proto/scaleout/new/v1/x.cc", "proto/scaleout/order/v1/order_limits.h"),
        ("proto/scaleout/user/v1/x.h", "common/str_cat.h"),
        ("proto/scaleout/rpc/v1/x.cc", "proto/scaleout/type/v1/money_limits.h"),
        ("services/user/x.cc", "tests/support/fake_clock.h"),
        ("gateway/main.cc", "services/user/user_service.h"),
        ("gateway/runtime/task.h", "gateway/http/message.h"),
        ("gateway/resilience/x.cc", "gateway/backends/user_backend.h"),
        ("gateway/resilience/x.cc", "gateway/http/message.h"),
        ("gateway/observability/x.cc", "gateway/resilience/x.h"),
        ("gateway/http/x.cc", "gateway/handlers/user_handlers.h"),
        ("gateway/http/x.cc", "gateway/backends/user_backend.h"),
        ("gateway/http/x.cc", "gateway/routes.h"),
        ("gateway/backends/x.cc", "gateway/handlers/user_handlers.h"),
        ("gateway/handlers/x.cc", "gateway/routes.h"),
    ],
)
def test_includes_go_one_way(tmp_path, path, included):
    text = f'\n#include "{included}"\n'
    if path.endswith(".h"):
        text = header(path, text)
    only(
        [finding for finding in findings(tmp_path, {path: text})],
        f"{path}:",
        "may not include",
        included,
    )


@pytest.mark.parametrize(
    "path, included",
    [
        ("common/x.cc", "scaleout/rpc/v1/error_details.pb.h"),
        ("services/user/x.cc", "common/clock.h"),
        ("services/user/x.cc", "scaleout/user/v1/user.pb.h"),
        ("services/order/x.cc", "scaleout/type/v1/money.pb.h"),
        ("services/new/x.cc", "scaleout/new/v1/new.pb.h"),
        ("services/user/x.cc", "proto/scaleout/user/v1/user_limits.h"),
        ("services/payment/x.cc", "proto/scaleout/type/v1/money_limits.h"),
        ("service/x.cc", "proto/scaleout/rpc/v1/request_limits.h"),
        ("proto/scaleout/user/v1/x.cc", "proto/scaleout/rpc/v1/request_limits.h"),
        ("proto/scaleout/new/v1/x.cc", "proto/scaleout/type/v1/money_limits.h"),
        ("gateway/json/x.cc", "proto/scaleout/rpc/v1/request_limits.h"),
        ("gateway/handlers/x.cc", "proto/scaleout/payment/v1/payment_limits.h"),
        ("gateway/main.cc", "gateway/resilience/circuit_breaker.h"),
        ("gateway/backends/x.cc", "gateway/resilience/circuit_breaker.h"),
        ("gateway/backends/x.cc", "scaleout/payment/v1/payment.pb.h"),
        ("gateway/handlers/x.cc", "gateway/backends/user_backend.h"),
        ("gateway/handlers/x.cc", "gateway/runtime/task.h"),
        ("tests/gateway/http/x.cc", "services/user/user_service.h"),
    ],
)
def test_includes_that_are_fine(tmp_path, path, included):
    assert findings(tmp_path, {path: f'#include "{included}"\n'}) == []


@pytest.mark.parametrize(
    "path, room",
    [
        ("scaleout/user/v1/user.pb.h", "proto/user"),
        ("proto/scaleout/user/v1/user_limits.h", "proto/user"),
        ("proto/scaleout/rpc/v1/request_limits.cc", "proto/rpc"),
        ("services/user/user_service.h", "services/user"),
        ("gateway/routes.cc", "gateway"),
        ("proto/x.cc", "proto"),
        ("scripts/tidy.py", None),
    ],
)
def test_the_room_of_a_path(path, room):
    assert room_of(path) == room


def test_a_header_beside_a_proto_follows_the_rules_of_headers(tmp_path):
    path = "proto/scaleout/user/v1/user_limits.h"
    assert findings(tmp_path, {path: header(path)}) == []
    only(
        findings(
            tmp_path,
            {
                path: header("scaleout/user/v1/user_limits.h").replace(
                    "#endif  // SCALEOUT_", "#endif  // SCALEOUT_PROTO_"
                )
            },
        ),
        f"{path}:2: ",
        "after its path it is SCALEOUT_PROTO_SCALEOUT_USER_V1_USER_LIMITS_H_",
    )
    only(findings(tmp_path, {path: header(path, "x" * 101)}), f"{path}:4: ", "101 columns")


def test_the_table_of_rooms_has_no_circle():
    assert circle_of_rooms(ROOMS) == []
    assert circle_of_rooms({"a": ["b"], "b": ["c/*"], "c/x": ["a"]}) == ["a", "b", "c/x", "a"]


def test_a_new_room_has_to_be_put_on_the_map(tmp_path):
    only(findings(tmp_path, {"gateway/attic/x.cc": "\n"}), "gateway/attic/x.cc:1: ", "a new room")


@pytest.mark.parametrize(
    "path, line, name",
    [
        ("gateway/handlers/x.cc", "#include <pistache/http.h>", "Pistache"),
        ("gateway/handlers/x.cc", "Pistache::Http::Code code;", "Pistache"),
        ("services/user/user_service.cc", "#include <pqxx/pqxx>", "libpqxx"),
        ("services/user/user_repository.cc", "#include <pqxx/result>", "libpqxx"),
        ("services/user/user_repository.cc", "const pqxx::row& row;", "libpqxx"),
        ("common/env.cc", "pqxx::work work;", "libpqxx"),
        ("gateway/observability/x.cc", "#include <prometheus/registry.h>", "prometheus-cpp"),
        ("gateway/observability/x.cc", "#include <prometheus/exposer.h>", "CivetWeb"),
        ("common/metrics.cc", "#include <civetweb.h>", "CivetWeb"),
        ("gateway/backends/x.cc", "#include <rapidjson/writer.h>", "RapidJSON"),
        ("gateway/cache/single_flight.cc", "#include <hiredis/async.h>", "hiredis"),
        ("gateway/handlers/x.cc", '#include "scaleout/user/v1/user.grpc.pb.h"', "a gRPC stub"),
        ("gateway/handlers/x.cc", "#include <grpcpp/channel.h>", "gRPC"),
        ("gateway/http/x.cc", "grpc::Status status;", "gRPC"),
        ("common/status.cc", "grpc::Status status;", "gRPC"),
    ],
)
def test_libraries_keep_to_their_rooms(tmp_path, path, line, name):
    text = f"\n{line}\n"
    if path.endswith(".h"):
        text = header(path, text)
    found = findings(tmp_path, {path: text})
    assert any(
        finding.startswith(f"{path}:") and f"{name} belongs in" in finding for finding in found
    ), found


@pytest.mark.parametrize(
    "path, line",
    [
        ("gateway/runtime/event_loop.cc", "#include <pistache/reactor.h>"),
        ("postgres/postgres_pool.h", "#include <pqxx/pqxx>"),
        ("common/metrics.cc", "#include <prometheus/registry.h>"),
        ("gateway/json/x.cc", "#include <rapidjson/writer.h>"),
        ("redis/redis_connection.cc", "#include <hiredis/async.h>"),
        ("gateway/backends/x.cc", '#include "scaleout/user/v1/user.grpc.pb.h"'),
        ("services/user/user_rpc.cc", "#include <grpcpp/server_context.h>"),
        (
            "gateway/handlers/x.cc",
            "// Pistache::Http has one; we do not use it. pqxx::work neither.",
        ),
        ("gateway/handlers/x.cc", 'const char* text = "grpc::Status";'),
        ("tests/gateway/backends/x.cc", "#include <grpcpp/server.h>"),
    ],
)
def test_libraries_that_are_at_home(tmp_path, path, line):
    text = f"{line}\n"
    assert findings(tmp_path, {path: header(path, text) if path.endswith(".h") else text}) == []


@pytest.mark.parametrize(
    "line", ['getenv("X");', 'secure_getenv("X");', 'setenv("X", "1", 1);', "char** e = environ;"]
)
def test_only_env_reads_the_environment(tmp_path, line):
    only(
        findings(tmp_path, {"gateway/main.cc": f"\n{line}\n"}),
        "gateway/main.cc:2: ",
        "common/env.h",
    )
    assert findings(tmp_path, {"gateway/main.cc": "\n", "common/env.cc": f"{line}\n"}) == []
    assert findings(tmp_path, {"tests/common/x.cc": f"{line}\n"}) == []


@pytest.mark.parametrize(
    "line",
    [
        "auto t = std::chrono::steady_clock::now();",
        "auto t = system_clock::now();",
        "clock_gettime(0, &t);",
        "gettimeofday(&t, nullptr);",
        "auto t = time(nullptr);",
        "auto t = std::time(0);",
    ],
)
def test_only_clock_reads_a_clock(tmp_path, line):
    path = "gateway/http/x.cc"
    only(findings(tmp_path, {path: f"\n{line}\n"}), f"{path}:2: ", "take a Clock")
    assert findings(tmp_path, {path: f"{line}\n"}, {"clock": {path: "why"}}) == []
    assert findings(tmp_path, {path: "\n", "common/clock.cc": f"{line}\n"}) == []


def test_other_things_called_time_are_no_clock(tmp_path):
    assert (
        findings(
            tmp_path, {"gateway/http/x.cc": "set_time(now); start_time(0); int time(int x);\n"}
        )
        == []
    )


@pytest.mark.parametrize(
    "line",
    [
        "std::this_thread::sleep_for(ms);",
        "std::this_thread::sleep_until(t);",
        "usleep(10);",
        "sleep(1);",
        "absl::SleepFor(d);",
    ],
)
def test_tests_do_not_sleep(tmp_path, line):
    path = "tests/integration/x.cc"
    only(findings(tmp_path, {path: f"\n{line}\n"}), f"{path}:2: ", "a test sleeps")
    assert findings(tmp_path, {path: f"{line}\n"}, {"sleep": {path: "why"}}) == []


def test_an_exception_that_excuses_nothing_has_to_go(tmp_path):
    found = findings(tmp_path, {"common/x.cc": "\n"}, {"clock": {"common/x.cc": "why"}})
    only(
        found,
        "scripts/scaleout/tidy/rules.py:1: ",
        "common/x.cc needs its exception (clock) no longer",
    )
