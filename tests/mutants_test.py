"""The list of mutants: how it is read, and that every entry fits the tree as it is."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import mutants  # noqa: E402


def test_reads_entries_of_one_file():
    listed = mutants.parse_list(
        "# why\n\n@ a/b.cc\n- x < 1\n+ x <= 1\n- y\n+ z\n? the same\n? for all\n"
    )
    assert [(m.path, m.old, m.new) for m in listed] == [
        ("a/b.cc", "x < 1", "x <= 1"),
        ("a/b.cc", "y", "z"),
    ]
    assert listed[0].survives_because == ""
    assert listed[1].survives_because == "the same for all"


def test_reads_an_empty_replacement():
    assert mutants.parse_list("@ a.cc\n- call();\n+\n")[0].new == ""


@pytest.mark.parametrize(
    "text",
    [
        "- x\n+ y\n",
        "@ a.cc\n+ y\n",
        "@ a.cc\n- x\n- y\n+ z\n",
        "@ a.cc\n- x\n+ y\nx\n",
        "? reason\n",
        "@ a.cc\n- x\n",
    ],
    ids=[
        "no file",
        "nothing to replace",
        "two lines to replace",
        "no sign",
        "reason without mutant",
        "no replacement",
    ],
)
def test_refuses_what_is_not_an_entry(text):
    with pytest.raises(mutants.ListError):
        mutants.parse_list(text)


def test_finds_entries_that_do_not_fit(tmp_path):
    (tmp_path / "a.cc").write_text("if (x) f();\nif (y) f();\n")
    assert mutants.check_mutant(mutants.Mutant("a.cc", "if (x)", "if (!x)", 2), tmp_path) == ""
    assert "found 2 times" in mutants.check_mutant(
        mutants.Mutant("a.cc", "f();", "g();", 2), tmp_path
    )
    assert "found 0 times" in mutants.check_mutant(
        mutants.Mutant("a.cc", "h();", "g();", 2), tmp_path
    )
    assert "no such file" in mutants.check_mutant(
        mutants.Mutant("b.cc", "f();", "g();", 2), tmp_path
    )


def test_every_entry_fits_the_tree():
    listed = mutants.parse_list(mutants.LIST.read_text())
    assert len(listed) >= 60
    problems = [mutants.check_mutant(mutant, ROOT) for mutant in listed]
    assert [problem for problem in problems if problem] == []
