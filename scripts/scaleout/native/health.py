"""Whether a part is healthy, asked of the part itself on its own socket, so that /api/count and
nginx's rotation stay as they are.
"""

import http.client
import subprocess
from pathlib import Path


def http_get(port, path, seconds=2.0):
    """Status and body of a GET on this machine; status 0 and the reason if there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


def is_gateway_ready(port):
    return http_get(port, "/readyz")[0] == 200


def has_backends(port):
    """Whether the gateway has reached its services; asking makes it connect to them."""
    status, body = http_get(port, "/api/health")
    return status == 200 and '"status":"ok"' in body


def is_nginx_up(port):
    """Asks for a path that nginx answers itself, as only this configuration does."""
    status, body = http_get(port, "/nginx-is-up")
    return status == 404 and '"instance":"/nginx-is-up"' in body


def is_service_serving(bin_dir, path):
    """Asks grpc.health.v1 through our own probe."""
    # A socket that is not there yet would cost gRPC a second of backoff.
    if not Path(path).exists():
        return False
    probe = Path(bin_dir) / "scaleout-probe"
    try:
        return (
            subprocess.run(
                [str(probe), "grpc", f"unix:{path}"], capture_output=True, timeout=5, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
