"""The table of what the gateways say of themselves."""

import http.server
import io
import json
import threading

import pytest

from scaleout.console import Console
from scaleout.instances import print_instances

_WHOLE = {
    "instanceId": "gateway-1",
    "processId": 42,
    "draining": False,
    "lagMs": {"current": 1.25, "p99": 2, "max": 300.4},
    "utilization": 0.5,
    "requestsPerSecond": 1234.5,
    "requestsInFlight": 7,
    "breakers": {"user": "CLOSED", "order": "OPEN"},
}


@pytest.fixture
def printed():
    """What is printed where /api/instances answers so."""
    answers = []

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers[0]
            self.send_response(status)
            self.send_header("X-Instance-Id", "gateway-1")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(body, status=200):
        answers[:] = [(status, body if isinstance(body, str) else json.dumps(body))]
        out = io.StringIO()
        print_instances(Console(out), f"http://127.0.0.1:{server.server_port}")
        return out.getvalue()

    yield ask
    server.shutdown()
    server.server_close()


def cells(line):
    return [cell for cell in line.strip().split("  ") if cell]


def test_each_instance_is_a_line(printed):
    draining = {**_WHOLE, "instanceId": "gateway-2", "draining": True, "breakers": {}}
    lines = printed({"instances": [_WHOLE, draining], "complete": True}).splitlines()
    assert len(lines) == 4 and lines[0] == ""
    assert [cell.strip() for cell in cells(lines[2])] == [
        *("gateway-1", "42", "1234", "7", "1.2", "300.4", "50%", "order OPEN")
    ]
    assert "closed" in lines[3] and lines[3].endswith("draining")


def test_an_instance_may_say_less(printed):
    lines = printed({"instances": [{"instanceId": "other"}], "complete": True}).splitlines()
    assert lines[2].split()[:3] == ["other", "-", "-"]


def test_a_list_that_is_not_whole_is_said_so_in_one_line(printed):
    lines = printed({"instances": [_WHOLE], "complete": False}).splitlines()
    assert "redis-state does not answer" in lines[1]
    assert len(lines) == 4


@pytest.mark.parametrize("body, status", [("", 502), ("garbage", 200), ("{}", 200)])
def test_without_an_answer_there_is_one_line(printed, body, status):
    lines = printed(body, status).splitlines()
    assert len(lines) == 2 and "/api/instances has no answer" in lines[1]


def test_a_suite_that_is_down_is_one_line():
    out = io.StringIO()
    print_instances(Console(out), "http://127.0.0.1:9")
    assert "has no answer" in out.getvalue() and out.getvalue().count("\n") == 2
