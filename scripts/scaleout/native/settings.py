"""What a stack is started with: from the environment, kept in RUN_DIR/stack.json while it runs."""

import dataclasses
import json
import os
from pathlib import Path

from scaleout.errors import StackError
from scaleout.topology import (
    GATEWAY_PREFIXES,
    IDENTITY_PREFIXES,
    KEY_WIRING,
    REDIS_WIRING,
    ROOT,
    SERVICE_PREFIXES,
    SERVICES,
    STRATEGIES,
)

MAX_GATEWAYS = 10


@dataclasses.dataclass
class Settings:
    run_dir: str
    bin_dir: str
    http_port: int = 8080
    gateways: list = dataclasses.field(default_factory=lambda: [1, 2, 3])  # those that nginx knows
    strategy: str = "round_robin"
    proxy_cache: str = "off"  # whether nginx stores public answers
    cache_version: str = "1"  # with another one it finds none of those that it has
    access_log: bool = True
    tls_port: int = 0  # nginx's for HTTPS; 0: none
    tls_certificate: str = ""  # files of the user's own; without them one is made
    tls_key: str = ""
    # Whether services reach redis-state: without it events wait. Or the one service that does.
    events: bool | str = True
    nginx_include: str = ""  # a file of further locations, for experiments
    generation: int = 1  # of nginx's configuration; see nginx.py
    slots: dict = dataclasses.field(default_factory=dict)  # of each service, "a" or "b"
    gateway_sockets: bool = False  # whether gateways listen on one each: older stacks do not
    variables: dict = dataclasses.field(default_factory=dict)  # the caller's own, for the programs

    def __post_init__(self):
        self.slots = {name: self.slots.get(name, "a") for name in SERVICES}

    def gateway_port(self, k):
        return self.http_port + k

    @property
    def url(self):
        return f"http://localhost:{self.http_port}"

    @property
    def tls_url(self):
        """Empty without HTTPS."""
        return f"https://localhost:{self.tls_port}" if self.tls_port else ""

    def save(self):
        path = Path(self.run_dir, "stack.json")
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        draft.rename(path)


def run_dir():
    return Path(os.environ.get("RUN_DIR") or ROOT / ".run").absolute()


def load(directory):
    """The settings of the stack in `directory`; None if there never was one."""
    path = Path(directory, "stack.json")
    try:
        return Settings(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise StackError(f"{path} is not readable ({error}); `make reset` starts afresh") from error


def gateways_wanted(environment=os.environ):
    """GATEWAYS, or None if the caller does not set it."""
    return _number(environment, "GATEWAYS", 1, MAX_GATEWAYS)


def strategy_wanted(environment=os.environ):
    """LB_STRATEGY, or None if the caller does not set it."""
    text = environment.get("LB_STRATEGY") or None
    if text is not None and text not in STRATEGIES:
        raise StackError(f"LB_STRATEGY={text}: one of {', '.join(STRATEGIES)} is wanted")
    return text


def proxy_cache_wanted(environment=os.environ):
    """PROXY_CACHE, or None if the caller does not set it."""
    text = environment.get("PROXY_CACHE") or None
    if text not in (None, "on", "off"):
        raise StackError(f"PROXY_CACHE={text}: on or off is wanted")
    return text


def events_wanted(environment=os.environ):
    """EVENTS, on by default; or the one service that has them."""
    text = environment.get("EVENTS") or "on"
    if text not in ("on", "off", *SERVICES):
        raise StackError(f"EVENTS={text}: on, off or a service is wanted")
    return text if text in SERVICES else text == "on"


def _tls(environment, http_port):
    """The settings of HTTPS."""
    port = _number(environment, "TLS_PORT", 0, 65535) or 0
    if http_port <= port <= http_port + MAX_GATEWAYS:
        raise StackError(f"TLS_PORT={port}: nginx and gateways have HTTP_PORT and the ten after it")
    files = [environment.get(name, "") for name in ("TLS_CERTIFICATE", "TLS_KEY")]
    if any(files) and not all(files):
        raise StackError("TLS_CERTIFICATE and TLS_KEY belong together; one of them is missing")
    certificate, key = (str(Path(name).absolute()) if name else "" for name in files)
    return {"tls_port": port, "tls_certificate": certificate, "tls_key": key}


def from_environment(directory, environment=os.environ):
    """The settings of a stack that is about to start."""
    preset = environment.get("PRESET") or "release"
    bin_dir = environment.get("BIN_DIR") or ROOT / "build" / preset / "bin"
    lowest_port = 1024 if os.geteuid() else 1
    http_port = _number(environment, "HTTP_PORT", lowest_port, 65535 - MAX_GATEWAYS) or 8080
    return Settings(
        run_dir=str(directory),
        bin_dir=str(Path(bin_dir).absolute()),
        http_port=http_port,
        gateways=list(range(1, (gateways_wanted(environment) or 3) + 1)),
        strategy=strategy_wanted(environment) or "round_robin",
        proxy_cache=proxy_cache_wanted(environment) or "off",
        access_log=environment.get("NGINX_ACCESS_LOG", "on") != "off",
        **_tls(environment, http_port),
        events=events_wanted(environment),
        gateway_sockets=True,
        nginx_include=environment.get("NGINX_SERVER_INCLUDE", ""),
        variables={
            name: value
            for name, value in sorted(environment.items())
            if name.startswith(GATEWAY_PREFIXES + SERVICE_PREFIXES + IDENTITY_PREFIXES)
            and not name.startswith(REDIS_WIRING + KEY_WIRING)
        },
    )


def _number(environment, name, low, high):
    text = environment.get(name, "")
    if not text:
        return None
    if not text.isdigit() or not low <= int(text) <= high:
        raise StackError(f"{name}={text}: a number from {low} to {high} is wanted")
    return int(text)
