"""What wrk sends: headers and tokens beside its requests."""

import collections
import http.server
import json
import threading

import pytest

from scaleout.identity import bearer
from scaleout.load import wrk


@pytest.fixture
def listener():
    """A server that counts what `Authorization` it was sent, by the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.heard[self.path, self.headers["Authorization"]] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.paid[body["orderId"]] += 1
            self.do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.heard, server.paid = collections.Counter(), collections.Counter()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        bearer.use([server.server_port], "")
        server.shutdown()


def heard(listener, path, **options):
    """The tokens that came, with how often each did."""
    url = f"http://127.0.0.1:{listener.server_port}"
    report = wrk.run(url, path, seconds=1, connections=4, **options)
    assert report.requests > 0 and report.errors == 0
    tokens = collections.Counter()
    for (_, token), count in listener.heard.items():
        tokens[token] += count
    return tokens


@pytest.mark.parametrize("path", ["/api/count", "/api/users/%d", "/api/payments"])
@pytest.mark.parametrize("token", ["", "of-this-process"])
def test_the_token_of_this_process_is_in_every_request(listener, path, token):
    bearer.use([listener.server_port], token)
    assert set(heard(listener, path)) == {f"Bearer {token}" if token else None}


@pytest.mark.parametrize("threads", [1, 2])
def test_tokens_of_a_file_take_turns(listener, tmp_path, threads):
    file = tmp_path / "tokens"
    file.write_text("".join(f"token-{number}\n" for number in range(6)))
    found = heard(listener, "/api/users/%d", threads=threads, tokens=file)
    assert set(found) == {f"Bearer token-{number}" for number in range(6)}
    paths = {path for path, _ in listener.heard}
    assert not {path for path in paths if not path.removeprefix("/api/users/").isdigit()}
    # In turns, and each connection may be in the middle of one.
    by_thread = [
        [found[f"Bearer token-{number}"] for number in range(first, 6, threads)]
        for first in range(threads)
    ]
    assert all(max(counts) - min(counts) <= 4 for counts in by_thread), found


@pytest.mark.parametrize("threads", [1, 2])
def test_each_order_from_the_first_on_is_paid_once(listener, threads):
    heard(listener, "/api/payments", threads=threads, first_order=2000)
    orders = sorted(listener.paid)
    assert set(listener.paid.values()) == {1}
    # A request that was made may not have been sent.
    assert 2000 <= orders[0] < 2010 and len(orders) > 20
    assert orders[-1] < 2000 + threads * (len(orders) + 10)
