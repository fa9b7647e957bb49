"""The gateway's own port, byte by byte: it must not rely on what nginx rejects before it."""

import concurrent.futures
import contextlib
import json
import random
import re
import selectors
import socket
import threading
import time

import pytest

from native_stack import eventually

_POST_JSON = "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Wire:
    """A raw connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=8)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def read_answer(self, head_only=False):
        """Status, headers and body of one answer; None if the connection was closed instead."""
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                more = self.socket.recv(1)
            except ConnectionResetError:
                return None
            if not more:
                assert not data, data
                return None
            data += more
        lines = data.decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = b""
        length = 0 if head_only else int(headers.get("content-length", 0))
        while len(body) < length:
            more = self.socket.recv(length - len(body))
            assert more, "the answer is cut off"
            body += more
        return int(lines[0].split()[1]), headers, body.decode()

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def wire(lone_gateway):
    with Wire(lone_gateway.port) as made:
        yield made
    assert lone_gateway.is_alive


def refused(wire, status):
    """A problem document of that status, and the connection is closed."""
    got = wire.read_answer()
    assert got is not None, "closed without a word"
    assert got[0] == status, got
    assert got[1]["content-type"] == "application/problem+json"
    assert json.loads(got[2])["status"] == status
    assert got[1]["x-instance-id"] == "lone-gateway" and got[1]["x-request-id"]
    assert got[1]["connection"].lower() == "close"
    assert wire.is_closed()


@pytest.mark.parametrize(
    "encoding", ["chunked", "gzip, chunked", "identity", "chunked, chunked", "xchunked"]
)
def test_transfer_encoding_is_411(wire, encoding):
    wire.send(
        f"POST /api/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {encoding}\r\n\r\n0\r\n\r\n"
    )
    refused(wire, 411)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: abc",
        "Content-Length: -1",
        "Content-Length: +2",
        "Content-Length: 2, 2",
        "Content-Length: 0x2",
        "Content-Length: 2 2",
        "Content-Length:",
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length : 2",
        " Content-Length: 2",
        "Content-Length: 2\r\n folded",
    ],
)
def test_bad_framing_is_400_and_the_connection_ends(wire, framing):
    wire.send(f"POST /api/users HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{{}}")
    refused(wire, 400)


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/count\r\n\r\n",
        "GET  /api/count HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/count HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET api/count HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GE T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/count HTTP/1.1\r\n\r\n",
        "GET /api/count HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /api/count HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        "GET /api/count HTTP/1.1\nHost: x\n\n",
        "GET /api/count HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
        "GET /api/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/count HTTP/1.x\r\nHost: x\r\n\r\n",
    ],
)
def test_a_malformed_head_is_400(wire, head):
    wire.send(head)
    refused(wire, 400)


def test_an_unknown_version_is_505(wire):
    wire.send("GET /api/count HTTP/2.0\r\nHost: x\r\n\r\n")
    refused(wire, 505)


def test_an_unmeetable_expectation_is_417(wire):
    wire.send(
        "POST /api/users HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n"
    )
    refused(wire, 417)


def test_an_oversized_body_is_refused_before_it_is_sent(wire):
    wire.send(_POST_JSON + "Content-Length: 99999999\r\n\r\n")
    refused(wire, 413)


def test_an_endless_header_is_431(wire):
    wire.send("GET /api/count HTTP/1.1\r\nHost: x\r\nX: " + "x" * 40000)
    refused(wire, 431)


def test_too_many_headers_are_431(wire):
    wire.send(
        "GET /api/count HTTP/1.1\r\nHost: x\r\n"
        + "".join(f"X{k}: y\r\n" for k in range(200))
        + "\r\n"
    )
    refused(wire, 431)


def test_binary_junk_is_refused_and_nothing_dies(lone_gateway):
    generator = random.Random(42)
    samples = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        + generator.randbytes(200),  # a TLS handshake
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
        b"\xff" * 100,
        b"\r\n" * 50,
        *(generator.randbytes(generator.randrange(1, 2000)) for _ in range(60)),
    ]
    for sample in samples:
        with Wire(lone_gateway.port) as wire:
            try:
                wire.send(sample)
                wire.socket.shutdown(socket.SHUT_WR)
                got = wire.read_answer()
            except ConnectionError:
                continue
            assert got is None or 400 <= got[0] < 500 or got[0] == 505, (sample, got)
    assert lone_gateway.is_alive
    with Wire(lone_gateway.port) as wire:
        wire.send("GET /api/count HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer()[0] == 200


def test_pipelined_requests_are_answered_each_and_in_order(wire):
    paths = [
        "/api/count",
        "/livez",
        "/api/nothing",
        "/api/cpu-bound?ms=30&mode=offload",
        "/readyz",
        "/api/count",
    ]
    wire.send(
        "".join(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: r{k}\r\n\r\n"
            for k, path in enumerate(paths)
        )
    )
    answers = [wire.read_answer() for _ in paths]
    assert [answer[0] for answer in answers] == [200, 200, 404, 200, 200, 200]
    assert [answer[1]["x-request-id"] for answer in answers] == [f"r{k}" for k in range(len(paths))]


def test_clients_that_pipeline_without_end_leave_the_gateway_to_others(lone_gateway):
    """A hundred of them, answers read. A turn of the loop was over a second long once."""
    stop = threading.Event()

    def flood():
        requests = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as open_sockets:
            for _ in range(100):
                wire = open_sockets.enter_context(Wire(lone_gateway.port))
                wire.socket.setblocking(False)
                selector.register(wire.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, [0])
            while not stop.is_set():
                for key, events in selector.select(timeout=0.1):
                    if events & selectors.EVENT_READ:
                        assert key.fileobj.recv(1 << 16), "the gateway has closed it"
                    if events & selectors.EVENT_WRITE:
                        sent = key.fileobj.send(requests[key.data[0] :])
                        key.data[0] = (key.data[0] + sent) % len(requests)

    with concurrent.futures.ThreadPoolExecutor(1) as pool, Wire(lone_gateway.port) as other:
        flooding = pool.submit(flood)
        try:
            time.sleep(0.5)
            waits = []
            for _ in range(100):
                began = time.monotonic()
                other.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                assert other.read_answer()[0] == 200
                waits.append(time.monotonic() - began)
        finally:
            stop.set()
        flooding.result()
    assert lone_gateway.is_alive
    # The flood takes the interpreter's lock from this thread, too: several times what a client in
    # a process of its own sees.
    # The machine may stand still during some; in a long turn all of them would wait.
    assert sorted(waits)[50] < 0.5, sorted(waits)[-60:]


def test_a_request_in_single_bytes_is_answered(wire):
    for byte in b"GET /api/count HTTP/1.1\r\nHost: x\r\n\r\n":
        wire.send(bytes([byte]))
    assert wire.read_answer()[0] == 200


def test_a_body_split_anywhere_is_read_whole(lone_gateway):
    body = b'{"email": "", "name": ""}'
    head = f"{_POST_JSON}Content-Length: {len(body)}\r\n\r\n".encode()
    whole = head + body
    for cut in range(1, len(whole), 7):
        with Wire(lone_gateway.port) as wire:
            wire.send(whole[:cut])
            time.sleep(0.002)
            wire.send(whole[cut:])
            assert wire.read_answer()[0] == 422, cut


def test_head_has_no_body_and_the_connection_goes_on(wire):
    wire.send("HEAD /api/count HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers, _ = wire.read_answer(head_only=True)
    assert status == 200 and int(headers["content-length"]) > 0
    wire.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.read_answer()[0] == 200


def test_a_client_that_half_closes_is_taken_for_gone(wire):
    """As nginx does: a client that left looks the same as one that only stopped sending."""
    wire.send("GET /api/cpu-bound?ms=50&mode=offload HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.socket.recv(1) == b""


def test_expect_continue_is_continued(wire):
    wire.send(_POST_JSON + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert wire.read_answer()[0] == 100
    wire.send("{}")
    assert wire.read_answer()[0] == 422


@pytest.mark.parametrize(
    "version, connection, stays",
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
        ("1.1", "keep-alive", True),
        ("1.1", "Close, TE", False),
    ],
)
def test_the_connection_header_is_answered_truthfully(wire, version, connection, stays):
    extra = f"Connection: {connection}\r\n" if connection else ""
    wire.send(f"GET /livez HTTP/{version}\r\nHost: x\r\n{extra}\r\n")
    status, headers, _ = wire.read_answer()
    assert status == 200
    if stays:
        assert headers.get("connection", "keep-alive").lower() == "keep-alive"
        wire.send(f"GET /livez HTTP/{version}\r\nHost: x\r\n{extra}\r\n")
        assert wire.read_answer()[0] == 200
    else:
        assert headers["connection"].lower() == "close"
        assert wire.is_closed()


@pytest.mark.parametrize("sent", ["GET /api/count HT", "GET /api/count HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_end_is_408(wire, sent):
    wire.send(sent)
    began = time.monotonic()
    got = wire.read_answer()
    assert 0.8 < time.monotonic() - began < 5
    assert got is None or got[0] == 408
    assert wire.is_closed()


def test_a_body_that_does_not_come_is_408(wire):
    wire.send(_POST_JSON + "Content-Length: 10\r\n\r\n{")
    began = time.monotonic()
    got = wire.read_answer()
    assert 0.8 < time.monotonic() - began < 5
    assert got is None or got[0] == 408
    assert wire.is_closed()


def test_dripping_bytes_do_not_extend_the_head_timeout(wire):
    began = time.monotonic()
    try:
        for byte in b"GET /api/count HTTP/1.1\r\nX-Long: " + b"x" * 200:
            wire.send(bytes([byte]))
            time.sleep(0.05)
    except ConnectionError:
        pass
    assert time.monotonic() - began < 6


def test_an_idle_connection_is_closed_in_silence(wire):
    wire.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.read_answer()
    began = time.monotonic()
    assert wire.is_closed()
    assert 1.5 < time.monotonic() - began < 6


def test_clients_that_vanish_leave_no_descriptor(lone_gateway):
    with Wire(lone_gateway.port) as wire:
        wire.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.read_answer()
    before = eventually(lone_gateway.descriptors)
    for k in range(200):
        wire = Wire(lone_gateway.port)
        wire.send(
            [
                "",
                "GET /",
                "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /api/cpu-bound?ms=5&mode=offload HTTP/1.1\r\nHost: x\r\n\r\n",
            ][k % 4]
        )
        if k % 2:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.socket.close()
    eventually(lambda: lone_gateway.descriptors() <= before, seconds=8)


def test_a_backend_that_is_not_there_is_a_503_problem(wire):
    wire.send("GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers, body = wire.read_answer()
    assert status == 503 and headers["content-type"] == "application/problem+json"
    assert not re.search(r"unix:|sock|errno", body), "the answer shows internals"
