"""The tokens that this process sends, by the port of this machine that they are for. Every client
of `scaleout.load` asks here; `entering` puts them here.
"""

_tokens = {}


def headers(port):
    """What a request to that port needs beside its own headers."""
    token = _tokens.get(port)
    return {"Authorization": f"Bearer {token}"} if token else {}


def use(ports, token):
    """From now on; an empty token: none."""
    _tokens.update(dict.fromkeys(ports, token))
