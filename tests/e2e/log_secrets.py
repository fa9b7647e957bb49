"""What must be in no log: secrets of the stack, tokens, hashes, and addresses of people."""

import json
import re

_FORBIDDEN = {
    "a token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    # A session and a random secret; however each of them is written.
    "a refresh token": re.compile(r"\b[0-9a-f]{32}[.:~][\w-]{40,}"),
    "a hash of a password": re.compile(r"\$argon2\w*\$"),
    "a private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
    "an e-mail address": re.compile(r"\b[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.I),
    # nginx' error log; most of its lines about a client have the request line, too.
    "a client's address": re.compile(r", client: \S+, server: "),
}
# Shorter ones would be found by chance.
_LEAST_CHARACTERS = 12


def secrets_of(run_dir):
    """What each of the stack's secrets is called, by its text."""
    found = {}
    for path in (run_dir / "secrets").glob("*"):
        text = path.read_text(errors="replace")
        if path.name == "accounts.json":
            for account in json.loads(text):
                found |= {account["password"]: "a user's password"}
        elif path.suffix == ".password":
            found[text.strip()] = path.name
        elif "PRIVATE KEY" in text:
            found |= {line: path.name for line in text.splitlines() if "-----" not in line}
    return found


def find(run_dir, further=()):
    """A line for each secret in a log, without the secret; `further` are texts that are some."""
    secrets = {**secrets_of(run_dir), **dict.fromkeys(further, "a secret of the test")}
    secrets = {text: name for text, name in secrets.items() if len(text) >= _LEAST_CHARACTERS}
    return [
        f"{log.name}:{number}: {what}"
        for log in sorted(run_dir.glob("log/*.log*"))
        for number, line in enumerate(log.read_text(errors="replace").splitlines(), 1)
        for what in _found_in(line, secrets)
    ]


def _found_in(line, secrets):
    yield from (what for what, pattern in _FORBIDDEN.items() if pattern.search(line))
    yield from (name for text, name in secrets.items() if text in line)
