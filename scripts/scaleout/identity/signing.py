"""Tokens that the user service has not made, signed with its key by openssl's command line: for
measuring what verifying costs, and for tests that try wrong ones.
"""

import base64
import json
import subprocess


def encode(data):
    """As tokens have it: base64url without its padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(document):
    return encode(json.dumps(document, separators=(",", ":")).encode())


def parts_of(token):
    """Header and claims."""
    return tuple(
        json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        for text in token.split(".")[:2]
    )


def openssl(*arguments, data=b""):
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def sign(key, header, claims):
    """A token; of the same claims another one each time. `key` is a file."""
    signed = f"{part(header)}.{part(claims)}"
    der = openssl("dgst", "-sha256", "-sign", key, data=signed.encode())
    return f"{signed}.{encode(_integers(der))}"


def _integers(der):
    """r and s of a signature in DER, of 32 bytes each."""
    found, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        found.append(der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + length
    return b"".join(found)
