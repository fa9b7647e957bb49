"""The rules about co_await that g++ 12 needs."""

import pytest

from small_tree import findings, only


def coroutine(*statements):
    body = "\n".join(statements)
    return f"Task<int> F() {{\n{body}\n}}\n"


@pytest.mark.parametrize(
    "statements, part",
    [
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
        (
            [
                "for (int i = 0; i < 3; ++i) {",
                "  for (char c : co_await A()) {",
                "    G(c);",
                "  }",
                "}",
            ],
            "range-for",
        ),
        (["int r = co_await A(Agg{1, 2});"], "temporary aggregate"),
        (["int r = co_await A({1, 2});"], "temporary aggregate"),
        (["int r = co_await a->B(x,", "  Request{});"], "temporary aggregate"),
        (
            [
                "auto f = [](X x) -> Task<int> {",
                "  int y = co_await A(Agg{1});",
                "  co_return y;",
                "};",
            ],
            "temporary aggregate",
        ),
        (["if (b) {", "  int x = co_await A(B{});", "}"], "temporary aggregate"),
        (
            ["switch (x) {", "  case 1:", "    co_await A({2});", "    break;", "}"],
            "temporary aggregate",
        ),
    ],
)
def test_coroutines_avoid_what_gcc_12_gets_wrong(tmp_path, statements, part):
    found = findings(tmp_path, {"gateway/handlers/x.cc": coroutine(*statements)})
    assert any(part in finding for finding in found), found


def test_a_coroutine_finding_names_its_line(tmp_path):
    only(
        findings(
            tmp_path,
            {"gateway/handlers/x.cc": coroutine("int x = 1;", "", "int r = co_await A(Agg{1});")},
        ),
        "gateway/handlers/x.cc:4: ",
        "temporary aggregate",
    )


@pytest.mark.parametrize(
    "statements",
    [
        ["A a = co_await First();", "B b = co_await Second(a);", "co_return a + b;"],
        [
            "absl::StatusOr<X> x = co_await backend.Get(context, request);",
            "if (!x.ok()) co_return x.status();",
        ],
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
        ['Log("a ? b : c && {");', 'int x = co_await A("what? {");'],
    ],
)
def test_coroutines_that_are_fine(tmp_path, statements):
    assert findings(tmp_path, {"gateway/handlers/x.cc": coroutine(*statements)}) == []
