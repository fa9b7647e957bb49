"""What has to hold before programs are started: they are built, and their ports are free."""

import os
from pathlib import Path

from scaleout.errors import StackError
from scaleout.native import processes
from scaleout.native.programs import settings_of
from scaleout.native.supervisor import gateway_program
from scaleout.topology import IDENTITY_PREFIXES, SERVICES


def check_binaries(bin_dir):
    missing = [
        name
        for name in ("api-gateway", *SERVICES, "scaleout-probe")
        if not os.access(os.path.join(bin_dir, name), os.X_OK)
    ]
    if missing:
        raise StackError(f"{', '.join(missing)} not found in {bin_dir}; `make build` makes them")


def check_identity_variables(settings):
    """Programs refuse unknown names of their own prefixes; of these none has them all."""
    bin_dir = Path(settings.bin_dir)
    known = settings_of(bin_dir / "api-gateway").union(
        *(settings_of(bin_dir / service) for service in SERVICES)
    )
    unknown = [
        name
        for name in settings.variables
        if name.startswith(IDENTITY_PREFIXES) and name.removesuffix("_FILE") not in known
    ]
    # AUTH_MODE=optional is what programs without logins do.
    if "AUTH_MODE" not in known and settings.variables.get("AUTH_MODE") == "optional":
        unknown.remove("AUTH_MODE")
    if unknown:
        raise StackError(f"no program has a setting {', '.join(unknown)}")


def check_ports(settings):
    """Those of a stack that starts: nginx's, and one for each gateway."""
    wanted = {settings.http_port: "nginx (HTTP_PORT)"}
    if settings.tls_port:
        wanted[settings.tls_port] = "nginx (TLS_PORT)"
    wanted |= {settings.gateway_port(k): gateway_program(k) for k in settings.gateways}
    taken = [
        f"port {port} for {user} is held by {processes.owner_of_port(port)}"
        for port, user in wanted.items()
        if not processes.is_port_free(port)
    ]
    if taken:
        raise StackError("ports are taken; free them, or choose others with HTTP_PORT=...", taken)


def check_gateway_port(settings, k):
    """That of a gateway that joins a stack."""
    port = settings.gateway_port(k)
    if not processes.is_port_free(port):
        owner = processes.owner_of_port(port)
        raise StackError(f"port {port} for {gateway_program(k)} is held by {owner}")
