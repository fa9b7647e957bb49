"""The rules about a file as text, each against a file that breaks it and one that does not."""

import pytest

from small_tree import all_findings, findings, header, only


@pytest.mark.parametrize(
    "path",
    [
        "common/string_utils.cc",
        "common/test-helper.sh",
        "services/misc/a.sql",
        "common/pool_manager.cc",
    ],
)
def test_words_that_are_too_general_for_a_name(tmp_path, path):
    assert any(
        f"{path}:1: " in finding and "too general" in finding
        for finding in findings(tmp_path, {path: "\n"})
    )


def test_a_name_may_contain_the_letters_of_a_banned_word(tmp_path):
    assert (
        findings(tmp_path, {"common/utility_function.cc": "\n", "common/miscount.cc": "\n"}) == []
    )


@pytest.mark.parametrize(
    "path, part", [("common/clock.cpp", ".cpp is not used here"), ("common/Clock.cc", "snake_case")]
)
def test_cpp_files_are_named_our_way(tmp_path, path, part):
    only(findings(tmp_path, {path: "\n"}), f"{path}:1: ", part)


@pytest.mark.parametrize(
    "line, part",
    [
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
        ("// No" "body waits here.", "name what does not do it"),
        ("// Who" "ever waits here.", "name who does it"),
        ("// The client is to" "ld so.", "say sent, answered"),
        ("// Draws from the di" "ce.", "say random number"),
        ("TEST(Socket, WhichSome" "bodyTakes) {}", "name who does it"),
        ("int to" "ld_twice = 0;", "say sent, answered"),
    ],
)
def test_text_of_a_source_file(tmp_path, line, part):
    only(findings(tmp_path, {"common/x.cc": f"// first\n{line}\n"}), "common/x.cc:2: ", part)


@pytest.mark.parametrize(
    "line",
    [
        "x" * 100,
        "// mktemp run.XX" "XXXX",
        "int network_root; // build/wo" "rk/x",
        "a --- b  // and -- so on",
        "// 1. -- x",
        "TEST(Head, GetsNo" "Body) {}",
    ],
)
def test_text_that_is_fine(tmp_path, line):
    assert findings(tmp_path, {"common/x.cc": f"{line}\n"}) == []


@pytest.mark.parametrize(
    "path, line",
    [
        ("a.sh", "# ----------"),
        ("a.py", "# === x ==="),
        ("CMakeLists.txt", "##########"),
        ("a.sql", "-- -----"),
        ("a.yaml", "# ~~~~~"),
    ],
)
def test_banners_in_other_languages(tmp_path, path, line):
    only(findings(tmp_path, {path: f"{line}\n"}), f"{path}:1: ", "a banner")


@pytest.mark.parametrize(
    "path, line",
    [
        ("a.md", "---"),
        ("a.md", "# Title"),
        ("a.yaml", "---"),
        ("Makefile", "##@ Group"),
        ("a.sql", "-- one -- two"),
    ],
)
def test_what_only_looks_like_a_banner(tmp_path, path, line):
    assert findings(tmp_path, {path: f"{line}\n"}) == []


def test_prose_and_protos_may_be_wider(tmp_path):
    wide = "x" * 130
    assert findings(tmp_path, {"a.md": wide + "\n", "proto/a.proto": wide + "\n"}) == []
    only(
        findings(tmp_path, {"a.md": wide + "\n", "proto/a.proto": wide + "x\n"}),
        "proto/a.proto:1: ",
        "131 columns",
    )


def test_tables_and_addresses_may_be_as_wide_as_they_are(tmp_path):
    assert findings(tmp_path, {"a.md": "| " + "x" * 200 + " |\nhttps://" + "x" * 200 + "\n"}) == []


def test_a_table_laid_out_by_hand_may_be_wider(tmp_path):
    table = "// clang-format off\n" + "x" * 130 + "\n// clang-format on\n"
    assert findings(tmp_path, {"common/x.cc": table}) == []
    only(
        findings(tmp_path, {"common/x.cc": table.replace("x" * 130, "x" * 131)}),
        "common/x.cc:2: ",
        "at most 130",
    )
    only(
        findings(tmp_path, {"common/x.cc": table + "x" * 101 + "\n"}),
        "common/x.cc:4: ",
        "at most 100",
    )


def test_columns_are_characters_not_bytes(tmp_path):
    assert findings(tmp_path, {"common/x.cc": "//" + "é" * 98 + "\n"}) == []


def test_the_last_line_ends(tmp_path):
    only(findings(tmp_path, {"a.md": "one\ntwo"}), "a.md:2: ", "no newline")


def test_a_makefile_needs_tabs(tmp_path):
    assert findings(tmp_path, {"Makefile": "all:\n\ttrue\n"}) == []


def test_the_git_file_of_a_worktree_is_not_checked(tmp_path):
    text = "gitdir: /home/" + "someone/checkout/.git/worktrees/x\n"
    assert all_findings(tmp_path, {".git": text}) == []
    assert all_findings(tmp_path, {"notes.txt": text})


def test_build_trees_hidden_directories_and_binaries_are_not_checked(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe \t")
    assert (
        findings(tmp_path, {"build/x/a.cc": "\t", ".run/a.cc": "\t", "a/__pycache__/b.py": "\t"})
        == []
    )
    only(findings(tmp_path, {".ci/run": "x \n"}), ".ci/run:1: ")


@pytest.mark.parametrize("path", ["common/x.cc", "tests/common/x.cc", "scripts/x.py", "tests/x.py"])
def test_a_source_file_has_at_most_400_lines(tmp_path, path):
    assert findings(tmp_path, {path: "\n" * 400}) == []
    only(findings(tmp_path, {path: "\n" * 401}), f"{path}:1: ", "401 lines; at most 400")


def test_python_has_at_most_100_columns(tmp_path):
    assert findings(tmp_path, {"scripts/x.py": "#" + "x" * 99 + "\n"}) == []
    only(findings(tmp_path, {"scripts/x.py": "#" + "x" * 100 + "\n"}), "scripts/x.py:1: ", "101")


def test_a_header_opens_with_prose(tmp_path):
    path = "common/x.h"
    only(
        findings(tmp_path, {path: header(path, prose="#include <string>")}),
        f"{path}:1: ",
        "opens with prose",
    )
    only(
        findings(tmp_path, {path: header(path, prose="// x.h")}), f"{path}:1: ", "opens with prose"
    )


def test_the_include_guard_is_the_path(tmp_path):
    path = "gateway/http/route.h"
    assert findings(tmp_path, {path: header(path)}) == []
    only(
        findings(
            tmp_path,
            {
                path: header("http/route.h").replace(
                    "#endif  // SCALEOUT_", "#endif  // SCALEOUT_GATEWAY_"
                )
            },
        ),
        f"{path}:2: ",
        "after its path it is SCALEOUT_GATEWAY_HTTP_ROUTE_H_",
    )
    only(
        findings(tmp_path, {path: header(path) + "int x;\n"}), f"{path}:", "ends with another line"
    )
    only(
        findings(tmp_path, {path: "// A thing that stands here to be looked at.\n#pragma once\n"}),
        f"{path}:1: ",
        "no include guard",
    )
