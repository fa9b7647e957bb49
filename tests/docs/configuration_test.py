"""docs/configuration.md is what the programs declare, and what else names a setting names one that
there is, with the default that it has.
"""

import re
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / "scripts"))
import configuration_page  # noqa: E402

_NAME = re.compile(r"\b(?:GATEWAY|LAB|LOOP|SERVICE|DB|PROVIDER)_[A-Z_]+\b")
_ROW = re.compile(r"^\| `([A-Z_]+)` \| ([^|]*) \|", re.M)
# What names settings but the page itself: documents, and what hands them to programs.
_READERS = [
    *_ROOT.glob("*.md"),
    *_ROOT.glob("docs/**/*.md"),
    *_ROOT.glob("deploy/**/*.yaml"),
    *_ROOT.glob("deploy/**/*.template"),
    _ROOT / "deploy" / "Dockerfile",
    _ROOT / "compose.yaml",
    _ROOT / ".env.example",
]


@pytest.fixture(scope="module")
def defaults():
    """The declared default of each setting, as one would write it."""
    tables = (table for _, tables in configuration_page.sections() for table in tables)
    found = dict(row for table in tables for row in _ROW.findall(table))
    assert len(found) > 60
    return found


def test_the_page_is_what_the_programs_declare():
    assert (
        configuration_page.current_page() == configuration_page.PAGE.read_text()
    ), "docs/configuration.md differs from what the programs declare; `make docs` writes it anew"


@pytest.mark.parametrize("file", sorted(_READERS), ids=lambda file: str(file.relative_to(_ROOT)))
def test_every_setting_that_is_named_exists(file, defaults):
    for name in set(_NAME.findall(file.read_text())):
        # Of `GATEWAY_BREAKER_*` only the beginning is found.
        group = name.endswith("_") and any(known.startswith(name) for known in defaults)
        assert group or name.removesuffix("_FILE") in defaults, f"{name} is no setting"


def test_the_page_of_limits_has_their_defaults(defaults):
    limits = (_ROOT / "docs" / "limits.md").read_text()
    compared = 0
    for names, values in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]*) \|", limits, re.M):
        for name, value in zip(re.findall(r"[A-Z_]+", names), values.split(", ")):
            if not _NAME.fullmatch(name):
                continue  # Compose's own
            # "16 KiB, and 100 headers" is 16KiB, "10000 for each loop" is 10000.
            shown = re.match(r"([\d.]+)(?: (ms|[smh]|[KMG]iB)\b)?", value)
            assert shown and "".join(shown.groups("")) == defaults[name], f"{name}: {value}"
            compared += 1
    assert compared > 20


def test_the_example_for_compose_shows_the_defaults_of_compose():
    compose = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", (_ROOT / "compose.yaml").read_text()))
    examples = re.findall(r"^#([A-Z_]+)=(\S*)", (_ROOT / ".env.example").read_text(), re.M)
    assert len(examples) > 15
    for name, value in examples:
        assert compose.get(name, value) == value, f".env.example has {name}={value}"
