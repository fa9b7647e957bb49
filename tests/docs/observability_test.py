"""docs/observability.md has every metric that the programs register, and no other."""

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("common", "gateway", "postgres", "redis", "service", "services")
# By the registry, or by CallDurations.
_REGISTERED = re.compile(
    r'Add(?:Callback)?(?:Counter|Gauge|Histogram)\(\s*"([a-z0-9_]+)"'
    r'|metrics(?:\(\))?, "([a-z0-9_]+_seconds)"'
)


def _registered():
    return {
        name
        for room in _ROOMS
        for file in (_ROOT / room).rglob("*.cc")
        for match in _REGISTERED.findall(file.read_text())
        for name in match
        if name
    }


def _described():
    page = (_ROOT / "docs" / "observability.md").read_text()
    cells = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \| [a-z, ]*\|", page, re.M)
    return {name for cell in cells for name in re.findall(r"`([a-z0-9_]+)`", cell) if "_" in name}


def test_the_page_has_every_metric_and_no_other():
    assert len(_registered()) > 35
    assert _described() == _registered()
