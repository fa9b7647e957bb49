#!/usr/bin/python3
"""Writes the tables of docs/configuration.md from what the programs of a build declare.

usage: scripts/configuration_page.py [--check]

`make docs` runs it on a fresh build. What comes before the marker in the page is written by hand
and stays. With --check nothing is written, and the exit status is 1 if the page differs from the
programs.

  BIN_DIR, PRESET  where the programs are (default: build/release/bin)
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from scaleout.topology import SERVICES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
MARKER = "<!-- `make docs` writes what follows, from the declarations of the settings. -->\n"
GATEWAY = "api-gateway"


def bin_dir():
    return Path(
        os.environ.get("BIN_DIR")
        or ROOT / "build" / (os.environ.get("PRESET") or "release") / "bin"
    )


def tables_of(program):
    """The program's settings: a heading and a table each."""
    printed = subprocess.run(
        [bin_dir() / program, "--help=markdown"],
        env={},
        text=True,
        stdout=subprocess.PIPE,
        timeout=10,
        check=True,
    ).stdout
    return [table.strip() for table in re.split(r"^(?=### )", printed, flags=re.M) if table.strip()]


def sections():
    """(heading, tables) of each; what all services have is listed once."""
    services = {service: tables_of(service) for service in SERVICES}
    shared = [
        table
        for table in services[SERVICES[0]]
        if all(table in tables for tables in services.values())
    ]
    yield GATEWAY, tables_of(GATEWAY)
    yield f"Every service: {', '.join(SERVICES)}", shared
    for service, tables in services.items():
        own = [table for table in tables if table not in shared]
        if own:
            yield f"{service} alone", own


def current_page():
    by_hand, marker, _ = PAGE.read_text().partition(MARKER)
    if not marker:
        sys.exit(f"{PAGE.relative_to(ROOT)} has lost its marker: {MARKER.strip()}")
    parts = ["\n\n".join([f"## {heading}", *tables]) for heading, tables in sections()]
    return by_hand + marker + "\n" + "\n\n".join(parts) + "\n"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    page = current_page()
    if page == PAGE.read_text():
        return
    if sys.argv[1:]:
        sys.exit(
            "docs/configuration.md differs from what the programs declare; `make docs` writes it"
        )
    PAGE.write_text(page)
    print("docs/configuration.md is written")


if __name__ == "__main__":
    main()
