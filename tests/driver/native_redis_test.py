"""What the native stack's Redis client makes of replies, as a server of this test sends them."""

import socket
import threading

import pytest

from scaleout.errors import StackError
from scaleout.native.redis import Redis


class Places:
    def __init__(self, directory):
        self.scratch = directory
        (directory / "redis-state.password").write_text("secret\n")

    def secret(self, name):
        return self.scratch / name


@pytest.fixture
def server(tmp_path):
    """A server that lets everyone in and then sends what it was given; the client, and what it
    sent.
    """
    redis = Redis(Places(tmp_path), "redis-state")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(redis.socket))
    listening.listen()
    received = []

    def serve(reply):
        connection, _ = listening.accept()
        with connection:
            received.append(connection.recv(4096))
            connection.sendall(b"+OK\r\n")
            received.append(connection.recv(4096))
            connection.sendall(reply)

    def ask(reply, *words):
        thread = threading.Thread(target=serve, args=(reply,))
        thread.start()
        try:
            return redis.ask(*words)
        finally:
            thread.join()

    yield ask, received
    listening.close()


@pytest.mark.parametrize(
    "reply, text",
    [
        (b"+PONG\r\n", "PONG"),
        (b":42\r\n", "42"),
        (b"$5\r\nab\r\nc\r\n", "ab\r\nc"),
        (b"$-1\r\n", ""),
        (b"*3\r\n$1\r\na\r\n:2\r\n*1\r\n$1\r\nc\r\n", "a\n2\nc"),
        (b"*-1\r\n", ""),
    ],
)
def test_a_reply_is_text_with_a_line_for_each_element(server, reply, text):
    ask, received = server
    assert ask(reply, "XINFO", "a b") == text
    assert received == [
        b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n",
        b"*2\r\n$5\r\nXINFO\r\n$3\r\na b\r\n",
    ]


@pytest.mark.parametrize("reply", [b"", b"$5\r\nab", b"$x\r\n", b"?\r\n", b"*2\r\n:1\r\n"])
def test_a_reply_that_is_cut_off_or_garbage_is_no_answer(server, reply):
    ask, _ = server
    with pytest.raises(StackError, match="redis-state does not answer"):
        ask(reply, "PING")


def test_a_refusal_is_in_the_servers_words(server):
    ask, _ = server
    with pytest.raises(StackError, match="redis-state refuses: WRONGTYPE of a key"):
        ask(b"-WRONGTYPE of a key\r\n", "XLEN", "x")


def test_a_server_that_is_not_there_does_not_answer(tmp_path):
    with pytest.raises(StackError, match="redis-state does not answer"):
        Redis(Places(tmp_path), "redis-state").ask("PING")
    assert not Redis(Places(tmp_path), "redis-state").is_up()
