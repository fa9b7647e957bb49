"""Each rule of scripts/tidy.py against a small tree that breaks it, and against one that does not."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True

import tidy  # noqa: E402  (it stands in another room)


def header(path, body="", prose="// A thing that stands here to be looked at; thread-safe."):
    guard = "SCALEOUT_" + path.upper().replace("/", "_").replace(".", "_") + "_"
    return f"{prose}\n#ifndef {guard}\n#define {guard}\n{body}\n#endif  // {guard}\n"


def findings(tmp_path, files, exceptions=None):
    """What tidy says of a tree, without what says that its files are dead."""
    return [finding for finding in all_findings(tmp_path, files, exceptions)
            if "no CMakeLists.txt names it" not in finding and "nobody includes it" not in finding]


def all_findings(tmp_path, files, exceptions=None):
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8"))
    _, found = tidy.check_tree(tmp_path, exceptions or {})
    return [f"{path}:{line}: {message}" for path, line, message in found]


def only(found, start, *parts):
    assert len(found) == 1, found
    assert found[0].startswith(start), found
    for part in parts:
        assert part in found[0], found


def test_an_empty_tree_is_clean(tmp_path):
    assert all_findings(tmp_path, {}) == []


def test_a_good_tree_is_clean(tmp_path):
    assert all_findings(tmp_path, {
        "common/CMakeLists.txt": "scaleout_library(common SOURCES clock.cc)\n",
        "common/clock.h": header("common/clock.h", "int Now();"),
        "common/clock.cc": '#include "common/clock.h"\nint Now() { return steady_clock::now(); }\n',
        "gateway/CMakeLists.txt": "scaleout_program(api-gateway SOURCES main.cc)\n",
        "gateway/main.cc": '#include "common/clock.h"\nint main() { return Now(); }\n',
        "tests/common/CMakeLists.txt": "scaleout_test(common_test unit SOURCES clock_test.cc)\n",
        "tests/common/clock_test.cc": '#include "common/clock.h"\n',
        "Makefile": "all:\n\ttrue\n",
    }) == []


@pytest.mark.parametrize("path", [
    "common/string_utils.cc", "common/test-helper.sh", "services/misc/a.sql", "common/pool_manager.cc"])
def test_words_that_say_nothing_in_a_name(tmp_path, path):
    assert any(f"{path}:1: " in finding and "says nothing" in finding for finding in findings(tmp_path, {path: "\n"}))


def test_a_name_may_contain_the_letters_of_a_banned_word(tmp_path):
    assert findings(tmp_path, {"common/utility_function.cc": "\n", "common/miscount.cc": "\n"}) == []


@pytest.mark.parametrize("path, part", [
    ("common/clock.cpp", ".cpp is not ours"), ("common/Clock.cc", "snake_case")])
def test_cpp_files_are_named_our_way(tmp_path, path, part):
    only(findings(tmp_path, {path: "\n"}), f"{path}:1: ", part)


@pytest.mark.parametrize("line, part", [
    ("\tint x;", "a tab"),
    ("int x; ", "white space at the end"),
    ("int x;\r", "white space at the end"),
    ("// TO" "DO: later", "left over"),
    ("// FIX" "ME later", "left over"),
    ("// XX" "X later", "left over"),
    ("int x;  // see /" "work/notes", "a path of one machine"),
    ("int x;  // see /" "root/notes", "a path of one machine"),
    ("int x;  // see /" "home/jane/notes", "a path of one machine"),
    ("// --" "-- Section ----", "a banner"),
    ("// ====================", "a banner"),
    ("//////////", "a banner"),
    ("/*****************", "a banner"),
    ("x" * 101, "101 columns; at most 100"),
])
def test_text_of_a_source_file(tmp_path, line, part):
    only(findings(tmp_path, {"common/x.cc": f"// first\n{line}\n"}), "common/x.cc:2: ", part)


@pytest.mark.parametrize("line", [
    "x" * 100, "// mktemp run.XX" "XXXX", "int network_root; // build/wo" "rk/x", "a --- b  // and -- so on", "// 1. -- x"])
def test_text_that_is_fine(tmp_path, line):
    assert findings(tmp_path, {"common/x.cc": f"{line}\n"}) == []


@pytest.mark.parametrize("path, line", [
    ("a.sh", "# ----------"), ("a.py", "# === x ==="), ("CMakeLists.txt", "##########"), ("a.sql", "-- -----"),
    ("a.yaml", "# ~~~~~")])
def test_banners_in_other_languages(tmp_path, path, line):
    only(findings(tmp_path, {path: f"{line}\n"}), f"{path}:1: ", "a banner")


@pytest.mark.parametrize("path, line", [
    ("a.md", "---"), ("a.md", "# Title"), ("a.yaml", "---"), ("Makefile", "##@ Group"), ("a.sql", "-- one -- two")])
def test_what_only_looks_like_a_banner(tmp_path, path, line):
    assert findings(tmp_path, {path: f"{line}\n"}) == []


def test_prose_and_protos_may_be_wider(tmp_path):
    wide = "x" * 130
    assert findings(tmp_path, {"a.md": wide + "\n", "proto/a.proto": wide + "\n"}) == []
    only(findings(tmp_path, {"a.md": wide + "\n", "proto/a.proto": wide + "x\n"}), "proto/a.proto:1: ", "131 columns")


def test_tables_and_addresses_may_be_as_wide_as_they_are(tmp_path):
    assert findings(tmp_path, {"a.md": "| " + "x" * 200 + " |\nhttps://" + "x" * 200 + "\n"}) == []


def test_a_table_laid_out_by_hand_may_be_wider(tmp_path):
    table = "// clang-format off\n" + "x" * 130 + "\n// clang-format on\n"
    assert findings(tmp_path, {"common/x.cc": table}) == []
    only(findings(tmp_path, {"common/x.cc": table.replace("x" * 130, "x" * 131)}), "common/x.cc:2: ", "at most 130")
    only(findings(tmp_path, {"common/x.cc": table + "x" * 101 + "\n"}), "common/x.cc:4: ", "at most 100")


def test_columns_are_characters_not_bytes(tmp_path):
    assert findings(tmp_path, {"common/x.cc": "//" + "é" * 98 + "\n"}) == []


def test_the_last_line_ends(tmp_path):
    only(findings(tmp_path, {"a.md": "one\ntwo"}), "a.md:2: ", "no newline")


def test_a_makefile_needs_tabs(tmp_path):
    assert findings(tmp_path, {"Makefile": "all:\n\ttrue\n"}) == []


def test_the_git_file_of_a_worktree_is_not_ours(tmp_path):
    text = "gitdir: /home/" + "someone/checkout/.git/worktrees/x\n"
    assert all_findings(tmp_path, {".git": text}) == []
    assert all_findings(tmp_path, {"notes.txt": text})


def test_build_trees_hidden_directories_and_binaries_are_not_ours(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe \t")
    assert findings(tmp_path, {"build/x/a.cc": "\t", ".run/a.cc": "\t", "a/__pycache__/b.py": "\t"}) == []
    only(findings(tmp_path, {".ci/run": "x \n"}), ".ci/run:1: ")


def test_a_source_file_has_at_most_400_lines(tmp_path):
    assert findings(tmp_path, {"common/x.cc": "\n" * 400}) == []
    only(findings(tmp_path, {"common/x.cc": "\n" * 401}), "common/x.cc:1: ", "401 lines; at most 400")


def test_a_test_file_has_at_most_400_lines(tmp_path):
    only(findings(tmp_path, {"tests/common/x.cc": "\n" * 401}), "tests/common/x.cc:1: ", "401 lines; at most 400")


def test_a_header_opens_with_prose(tmp_path):
    path = "common/x.h"
    only(findings(tmp_path, {path: header(path, prose="#include <string>")}), f"{path}:1: ", "opens with prose")
    only(findings(tmp_path, {path: header(path, prose="// x.h")}), f"{path}:1: ", "opens with prose")


def test_the_include_guard_is_the_path(tmp_path):
    path = "gateway/http/route.h"
    assert findings(tmp_path, {path: header(path)}) == []
    only(findings(tmp_path, {path: header("http/route.h").replace("#endif  // SCALEOUT_", "#endif  // SCALEOUT_GATEWAY_")}),
         f"{path}:2: ", "after its path it is SCALEOUT_GATEWAY_HTTP_ROUTE_H_")
    only(findings(tmp_path, {path: header(path) + "int x;\n"}), f"{path}:", "ends with another line")
    only(findings(tmp_path, {path: "// A thing that stands here to be looked at.\n#pragma once\n"}),
         f"{path}:1: ", "no include guard")


@pytest.mark.parametrize("path, included", [
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
])
def test_includes_go_one_way(tmp_path, path, included):
    text = f'\n#include "{included}"\n'
    if path.endswith(".h"):
        text = header(path, text)
    only([finding for finding in findings(tmp_path, {path: text})], f"{path}:", "may not include", included)


@pytest.mark.parametrize("path, included", [
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
])
def test_includes_that_are_fine(tmp_path, path, included):
    assert findings(tmp_path, {path: f'#include "{included}"\n'}) == []


@pytest.mark.parametrize("path, room", [
    ("scaleout/user/v1/user.pb.h", "proto/user"),
    ("proto/scaleout/user/v1/user_limits.h", "proto/user"),
    ("proto/scaleout/rpc/v1/request_limits.cc", "proto/rpc"),
    ("services/user/user_service.h", "services/user"),
    ("gateway/routes.cc", "gateway"),
    ("proto/x.cc", "proto"),
    ("scripts/tidy.py", None),
])
def test_the_room_of_a_path(path, room):
    assert tidy.room_of(path) == room


def test_a_header_beside_a_proto_follows_the_rules_of_headers(tmp_path):
    path = "proto/scaleout/user/v1/user_limits.h"
    assert findings(tmp_path, {path: header(path)}) == []
    only(findings(tmp_path, {path: header("scaleout/user/v1/user_limits.h")
                             .replace("#endif  // SCALEOUT_", "#endif  // SCALEOUT_PROTO_")}),
         f"{path}:2: ", "after its path it is SCALEOUT_PROTO_SCALEOUT_USER_V1_USER_LIMITS_H_")
    only(findings(tmp_path, {path: header(path, "x" * 101)}), f"{path}:4: ", "101 columns")


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_files_that_include_each_other_in_a_circle(tmp_path, circle):
    paths = [f"common/{name}.h" for name in circle]
    files = {path: header(path, f'#include "{following}"')
             for path, following in zip(paths, paths[1:] + paths[:1])}
    only(findings(tmp_path, files), "common/a.h:1: ", "includes itself: ", " -> common/a.h")


def test_two_ways_to_the_same_header_are_no_circle(tmp_path):
    files = {"common/a.h": header("common/a.h", '#include "common/b.h"\n#include "common/c.h"'),
             "common/b.h": header("common/b.h", '#include "common/c.h"'), "common/c.h": header("common/c.h")}
    assert findings(tmp_path, files) == []


def test_the_table_of_rooms_has_no_circle():
    assert tidy.circle_of_rooms(tidy.ROOMS) == []
    assert tidy.circle_of_rooms({"a": ["b"], "b": ["c/*"], "c/x": ["a"]}) == ["a", "b", "c/x", "a"]


def test_a_new_room_has_to_be_put_on_the_map(tmp_path):
    only(findings(tmp_path, {"gateway/attic/x.cc": "\n"}), "gateway/attic/x.cc:1: ", "a new room")


@pytest.mark.parametrize("path, line, name", [
    ("gateway/handlers/x.cc", "#include <pistache/http.h>", "Pistache"),
    ("gateway/handlers/x.cc", "Pistache::Http::Code code;", "Pistache"),
    ("services/user/user_service.cc", "#include <pqxx/pqxx>", "libpqxx"),
    ("services/user/user_repository.cc", "#include <pqxx/result>", "libpqxx"),
    ("services/user/user_repository.cc", "const pqxx::row& row;", "libpqxx"),
    ("common/env.cc", "pqxx::work work;", "libpqxx"),
    ("common/metrics.cc", "#include <spdlog/spdlog.h>", "spdlog"),
    ("common/log.h", "std::string s = fmt::format(x);", "spdlog"),
    ("gateway/observability/x.cc", "#include <prometheus/registry.h>", "prometheus-cpp"),
    ("gateway/observability/x.cc", "#include <prometheus/exposer.h>", "CivetWeb"),
    ("common/metrics.cc", "#include <civetweb.h>", "CivetWeb"),
    ("gateway/backends/x.cc", "#include <rapidjson/writer.h>", "RapidJSON"),
    ("gateway/cache/single_flight.cc", "#include <hiredis/async.h>", "hiredis"),
    ("gateway/handlers/x.cc", '#include "scaleout/user/v1/user.grpc.pb.h"', "a gRPC stub"),
    ("gateway/handlers/x.cc", "#include <grpcpp/channel.h>", "gRPC"),
    ("gateway/http/x.cc", "grpc::Status status;", "gRPC"),
    ("common/status.cc", "grpc::Status status;", "gRPC"),
])
def test_libraries_keep_to_their_rooms(tmp_path, path, line, name):
    text = f"\n{line}\n"
    if path.endswith(".h"):
        text = header(path, text)
    found = findings(tmp_path, {path: text})
    assert any(finding.startswith(f"{path}:") and f"{name} belongs in" in finding for finding in found), found


@pytest.mark.parametrize("path, line", [
    ("gateway/runtime/event_loop.cc", "#include <pistache/reactor.h>"),
    ("postgres/postgres_pool.h", "#include <pqxx/pqxx>"),
    ("common/log.cc", "#include <spdlog/spdlog.h>"),
    ("common/metrics.cc", "#include <prometheus/registry.h>"),
    ("gateway/json/x.cc", "#include <rapidjson/writer.h>"),
    ("redis/redis_connection.cc", "#include <hiredis/async.h>"),
    ("gateway/backends/x.cc", '#include "scaleout/user/v1/user.grpc.pb.h"'),
    ("services/user/user_rpc.cc", "#include <grpcpp/server_context.h>"),
    ("gateway/handlers/x.cc", "// Pistache::Http has one; we do not use it. pqxx::work neither."),
    ("gateway/handlers/x.cc", 'const char* text = "grpc::Status";'),
    ("tests/gateway/backends/x.cc", "#include <grpcpp/server.h>"),
])
def test_libraries_that_are_at_home(tmp_path, path, line):
    text = f"{line}\n"
    assert findings(tmp_path, {path: header(path, text) if path.endswith(".h") else text}) == []


@pytest.mark.parametrize("line", [
    'getenv("X");', 'secure_getenv("X");', 'setenv("X", "1", 1);', "char** e = environ;"])
def test_only_env_reads_the_environment(tmp_path, line):
    only(findings(tmp_path, {"gateway/main.cc": f"\n{line}\n"}), "gateway/main.cc:2: ", "common/env.h")
    assert findings(tmp_path, {"gateway/main.cc": "\n", "common/env.cc": f"{line}\n"}) == []
    assert findings(tmp_path, {"tests/common/x.cc": f"{line}\n"}) == []


@pytest.mark.parametrize("line", [
    "auto t = std::chrono::steady_clock::now();", "auto t = system_clock::now();", "clock_gettime(0, &t);",
    "gettimeofday(&t, nullptr);", "auto t = time(nullptr);", "auto t = std::time(0);"])
def test_only_clock_reads_a_clock(tmp_path, line):
    path = "gateway/http/x.cc"
    only(findings(tmp_path, {path: f"\n{line}\n"}), f"{path}:2: ", "take a Clock")
    assert findings(tmp_path, {path: f"{line}\n"}, {"clock": {path: "why"}}) == []
    assert findings(tmp_path, {path: "\n", "common/clock.cc": f"{line}\n"}) == []


def test_other_things_called_time_are_no_clock(tmp_path):
    assert findings(tmp_path, {"gateway/http/x.cc": "set_time(now); start_time(0); int time(int x);\n"}) == []


@pytest.mark.parametrize("line", [
    "std::this_thread::sleep_for(ms);", "std::this_thread::sleep_until(t);", "usleep(10);", "sleep(1);",
    "absl::SleepFor(d);"])
def test_tests_do_not_sleep(tmp_path, line):
    path = "tests/integration/x.cc"
    only(findings(tmp_path, {path: f"\n{line}\n"}), f"{path}:2: ", "a test sleeps")
    assert findings(tmp_path, {path: f"{line}\n"}, {"sleep": {path: "why"}}) == []


def test_an_exception_that_excuses_nothing_has_to_go(tmp_path):
    found = findings(tmp_path, {"common/x.cc": "\n"}, {"clock": {"common/x.cc": "why"}})
    only(found, "scripts/tidy.py:1: ", "common/x.cc needs its exception (clock) no longer")


def coroutine(*statements):
    body = "\n".join(statements)
    return f"Task<int> F() {{\n{body}\n}}\n"


@pytest.mark.parametrize("statements, part", [
    (["int x = co_await A() + co_await B();"], "two co_awaits"),
    (["F(co_await A(),", "  co_await B());"], "two co_awaits"),
    (["X x = b ? co_await A() : co_await B();"], "conditional operator"),
    (["X x = co_await A() ? 1 : 2;"], "conditional operator"),
    (["std::vector<X> v{co_await A()};"], "braced list"),
    (["co_return X{1, co_await A()};"], "braced list"),
    (["if (co_await A() && ready) {", "  G();", "}"], "beside && or ||"),
    (["while (ready || co_await A()) G();"], "beside && or ||"),
    (["bool b = ready && co_await A();"], "beside && or ||"),
    (["for (char c : co_await A()) G(c);"], "range-for"),
    (["for (int i = 0; i < 3; ++i) {", "  for (char c : co_await A()) {", "    G(c);", "  }", "}"], "range-for"),
    (["int r = co_await A(Agg{1, 2});"], "temporary aggregate"),
    (["int r = co_await A({1, 2});"], "temporary aggregate"),
    (["int r = co_await a->B(x,", "  Request{});"], "temporary aggregate"),
    (["auto f = [](X x) -> Task<int> {", "  int y = co_await A(Agg{1});", "  co_return y;", "};"], "temporary aggregate"),
    (["if (b) {", "  int x = co_await A(B{});", "}"], "temporary aggregate"),
    (["switch (x) {", "  case 1:", "    co_await A({2});", "    break;", "}"], "temporary aggregate"),
])
def test_coroutines_avoid_what_gcc_12_gets_wrong(tmp_path, statements, part):
    found = findings(tmp_path, {"gateway/handlers/x.cc": coroutine(*statements)})
    assert any(part in finding for finding in found), found


def test_a_coroutine_finding_names_its_line(tmp_path):
    only(findings(tmp_path, {"gateway/handlers/x.cc": coroutine("int x = 1;", "", "int r = co_await A(Agg{1});")}),
         "gateway/handlers/x.cc:4: ", "temporary aggregate")


@pytest.mark.parametrize("statements", [
    ["A a = co_await First();", "B b = co_await Second(a);", "co_return a + b;"],
    ["absl::StatusOr<X> x = co_await backend.Get(context, request);", "if (!x.ok()) co_return x.status();"],
    ["std::tuple<A, B> both = co_await WhenAll(first, second);"],
    ["if (!co_await Ready()) {", "  co_return std::vector<int>{1, 2};", "}"],
    ["X x = co_await A();", "bool b = x && y;", "int z = b ? 1 : 2;", "Y w{1, 2};"],
    ["result.emplace(co_await task);"],
    ["X x{1, 2};", "auto y = co_await A(x);"],
    ["int r = co_await Offload(pool, [ms] { Burn(ms, {1, 2}); return ms > 1 ? 1 : 2; });"],
    ["auto&& x = co_await A();"],
    ["for (const X& x : all) {", "  Y y = co_await A(x);", "}"],
    ["for (int i = 0; i < 3; ++i) co_await A(i);"],
    ["try {", "  x = co_await A();", "} catch (...) {", "  e = std::current_exception();", "}"],
    ["int x = co_await A();  // co_await B() ? && {"],
    ["Log(\"a ? b : c && {\");", "int x = co_await A(\"what? {\");"],
])
def test_coroutines_that_are_fine(tmp_path, statements):
    assert findings(tmp_path, {"gateway/handlers/x.cc": coroutine(*statements)}) == []


def test_a_source_file_that_cmake_does_not_name_is_dead(tmp_path):
    files = {"common/CMakeLists.txt": "scaleout_library(common SOURCES a.cc\n  # b.cc\n  sub/${room}_c.cc)\n"
                                      "target_sources(x PRIVATE ${PROJECT_SOURCE_DIR}/gateway/d.cc)\n",
             "common/a.cc": "\n", "common/b.cc": "\n", "common/sub/http_c.cc": "\n", "gateway/d.cc": "\n"}
    only(all_findings(tmp_path, files), "common/b.cc:1: ", "no CMakeLists.txt names it")


def test_a_source_file_is_compiled_once(tmp_path):
    files = {"common/CMakeLists.txt": "scaleout_library(common SOURCES clock.cc)\n", "common/clock.cc": "\n",
             "tests/common/CMakeLists.txt":
                 "scaleout_test(clock_test unit SOURCES clock_test.cc DEPS scaleout::common)\n",
             "tests/common/clock_test.cc": '#include "common/clock.h"\n',
             "common/clock.h": header("common/clock.h")}
    assert all_findings(tmp_path, files) == []
    files["tests/common/CMakeLists.txt"] = files["tests/common/CMakeLists.txt"].replace(
        "SOURCES ", 'SOURCES "${PROJECT_SOURCE_DIR}/common/clock.cc" ')
    only(all_findings(tmp_path, files), "tests/common/CMakeLists.txt:1: ", "common/clock.cc is compiled twice")


def test_a_header_that_only_its_own_source_includes_is_dead(tmp_path):
    files = {"common/CMakeLists.txt": "scaleout_library(common SOURCES a.cc b.cc)\n",
             "common/a.h": header("common/a.h"), "common/a.cc": '#include "common/a.h"\n',
             "common/b.h": header("common/b.h"), "common/b.cc": '#include "common/b.h"\n#include <x>\n'}
    files["common/a.cc"] += '#include "common/b.h"\n'
    only(all_findings(tmp_path, files), "common/a.h:1: ", "nobody includes it")


def test_a_test_mirrors_the_file_it_tests(tmp_path):
    files = {"common/clock.h": header("common/clock.h"), "common/clock.cc": "\n",
             "tests/support/fake_thing.h": header("tests/support/fake_thing.h"),
             "tests/support/fake_thing_test.cc": "\n",
             "tests/common/clock_test.cc": "\n", "tests/common/clock_property_test.cc": "\n",
             "tests/integration/whole_test.cc": "\n", "tests/e2e/whole_test.cc": "\n"}
    assert findings(tmp_path, files) == []
    found = findings(tmp_path, {**files, "tests/common/clocks_test.cc": "\n"})
    only(found, "tests/common/clocks_test.cc:1: ", "there is no common/clocks.h or .cc")
    assert findings(tmp_path, files, {"test-mirror": {"tests/common/clocks_test.cc": "why"}}) == []


def run(*arguments):
    return subprocess.run([SCRIPTS / "tidy.py", *arguments], capture_output=True, text=True, check=False)


def test_the_program_prints_findings_and_fails(tmp_path):
    (tmp_path / "a.md").write_text("x \n", encoding="utf-8")
    # The exceptions are this repository's, so another tree does not need them.
    done = run(str(tmp_path))
    assert done.returncode == 1
    assert "a.md:1: white space at the end of the line; remove it\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("tidy: 1 files, ")


def test_the_program_shows_its_rules():
    done = run("--rules")
    assert done.returncode == 0
    for word in ("gateway/handlers", "RapidJSON", "common/clock.cc", "tests/support/eventually.h"):
        assert word in done.stdout
    assert "usage: scripts/tidy.py" in run("--help").stdout


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
