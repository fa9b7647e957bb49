"""The rules about the tree as a whole, and the program."""

import subprocess

import pytest

from small_tree import all_findings, findings, header, only
from scaleout.topology import ROOT


def test_an_empty_tree_is_clean(tmp_path):
    assert all_findings(tmp_path, {}) == []


def test_a_good_tree_is_clean(tmp_path):
    files = {
        "common/CMakeLists.txt": "scaleout_library(common SOURCES clock.cc)\n",
        "common/clock.h": header("common/clock.h", "int Now();"),
        "common/clock.cc": '#include "common/clock.h"\nint Now() { return steady_clock::now(); }\n',
        "gateway/CMakeLists.txt": "scaleout_program(api-gateway SOURCES main.cc)\n",
        "gateway/main.cc": '#include "common/clock.h"\nint main() { return Now(); }\n',
        "tests/common/CMakeLists.txt": "scaleout_test(common_test unit SOURCES clock_test.cc)\n",
        "tests/common/clock_test.cc": '#include "common/clock.h"\n',
        "Makefile": "all:\n\ttrue\n",
    }
    assert all_findings(tmp_path, files) == []


def test_a_source_file_that_cmake_does_not_name_is_dead(tmp_path):
    files = {
        "common/CMakeLists.txt": "scaleout_library(common SOURCES a.cc\n"
        "  # b.cc\n  sub/${room}_c.cc)\n"
        "target_sources(x PRIVATE ${PROJECT_SOURCE_DIR}/gateway/d.cc)\n",
        "common/a.cc": "\n",
        "common/b.cc": "\n",
        "common/sub/http_c.cc": "\n",
        "gateway/d.cc": "\n",
    }
    only(all_findings(tmp_path, files), "common/b.cc:1: ", "no CMakeLists.txt names it")


def test_a_source_file_is_compiled_once(tmp_path):
    files = {
        "common/CMakeLists.txt": "scaleout_library(common SOURCES clock.cc)\n",
        "common/clock.cc": "\n",
        "tests/common/CMakeLists.txt": "scaleout_test(clock_test unit SOURCES clock_test.cc "
        "DEPS scaleout::common)\n",
        "tests/common/clock_test.cc": '#include "common/clock.h"\n',
        "common/clock.h": header("common/clock.h"),
    }
    assert all_findings(tmp_path, files) == []
    files["tests/common/CMakeLists.txt"] = files["tests/common/CMakeLists.txt"].replace(
        "SOURCES ", 'SOURCES "${PROJECT_SOURCE_DIR}/common/clock.cc" '
    )
    only(
        all_findings(tmp_path, files),
        "tests/common/CMakeLists.txt:1: ",
        "common/clock.cc is compiled twice",
    )


def test_a_header_that_only_its_own_source_includes_is_dead(tmp_path):
    files = {
        "common/CMakeLists.txt": "scaleout_library(common SOURCES a.cc b.cc)\n",
        "common/a.h": header("common/a.h"),
        "common/a.cc": '#include "common/a.h"\n',
        "common/b.h": header("common/b.h"),
        "common/b.cc": '#include "common/b.h"\n#include <x>\n',
    }
    files["common/a.cc"] += '#include "common/b.h"\n'
    only(all_findings(tmp_path, files), "common/a.h:1: ", "no file includes it")


def test_a_test_mirrors_the_file_it_tests(tmp_path):
    files = {
        "common/clock.h": header("common/clock.h"),
        "common/clock.cc": "\n",
        "tests/support/fake_thing.h": header("tests/support/fake_thing.h"),
        "tests/support/fake_thing_test.cc": "\n",
        "tests/common/clock_test.cc": "\n",
        "tests/common/clock_property_test.cc": "\n",
        "tests/integration/whole_test.cc": "\n",
        "tests/e2e/whole_test.cc": "\n",
    }
    assert findings(tmp_path, files) == []
    found = findings(tmp_path, {**files, "tests/common/clocks_test.cc": "\n"})
    only(found, "tests/common/clocks_test.cc:1: ", "there is no common/clocks.h or .cc")
    assert findings(tmp_path, files, {"test-mirror": {"tests/common/clocks_test.cc": "why"}}) == []


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_files_that_include_each_other_in_a_circle(tmp_path, circle):
    paths = [f"common/{name}.h" for name in circle]
    files = {
        path: header(path, f'#include "{following}"')
        for path, following in zip(paths, paths[1:] + paths[:1])
    }
    only(findings(tmp_path, files), "common/a.h:1: ", "includes itself: ", " -> common/a.h")


def test_two_ways_to_the_same_header_are_no_circle(tmp_path):
    files = {
        "common/a.h": header("common/a.h", '#include "common/b.h"\n#include "common/c.h"'),
        "common/b.h": header("common/b.h", '#include "common/c.h"'),
        "common/c.h": header("common/c.h"),
    }
    assert findings(tmp_path, files) == []


def run(*arguments):
    return subprocess.run(
        [ROOT / "scripts/tidy.py", *arguments], capture_output=True, text=True, check=False
    )


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
