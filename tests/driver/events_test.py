"""What `scripts/stack.sh events` prints and asks for, over a driver that answers from memory."""

import argparse
import io
import json

import pytest

from scaleout.console import Console
from scaleout.errors import NotRunning, StackError
from scaleout.events import command
from scaleout.events.databases import Databases, letter_id, service_of
from scaleout.events.streams import Streams, key_of

_LETTER = {
    "id": 7,
    "consumer": "order-service",
    "stream": "events:payment",
    "entry": "17-0",
    "type": "payment.captured",
    "attempts": 10,
    "error": "order 99 \x1b[31mis unknown",
    "died": "2026-11-22 10:00:00",
    "redriven": None,
    "fields": {"key": "99", "at": "1763810000000000", "data": '{"paymentId":"9"}'},
}


class Stack:
    """The driver. Databases answer with JSON by what the statement is about; redis-state with what
    the script of `streams` returns.
    """

    def __init__(self):
        self.outbox = {}
        self.letters = {"orders": [_LETTER]}
        self.left = []  # what each look after a redrive finds
        self.streams = []
        self.groups = {"old"}
        self.asked = []
        self.away = set()

    def url(self):
        return "http://localhost"

    def psql(self, database, sql, timeout=None):
        assert timeout, "PostgreSQL may be frozen"
        if database in self.away:
            raise StackError("psql: exit status 2", ["psql: error: no such socket", "\tIs it up?"])
        self.asked.append((database, sql))
        return json.dumps(self._answer(database, sql))

    def _answer(self, database, sql):
        letters = self.letters.get(database, [])
        if "outbox_streams" in sql:
            return self.outbox.get(database, [])
        if "inbox_failures" in sql:
            dead = [{"consumer": "order-service", "dead": len(letters), "failing": 1}]
            return dead if letters else []
        if "UPDATE dead_letters" in sql:
            return {str(each["id"]): each["attempts"] for each in letters if _chosen(each, sql)}
        if "ANY" in sql:
            return self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [each for each in letters if _chosen(each, sql)]

    def redis(self, server, *words):
        assert server == "redis-state"
        if server in self.away:
            raise StackError("redis-state does not answer: timed out")
        self.asked.append(words)
        if words[0] == "EVAL":
            return json.dumps(self.streams)
        return "1" if words[:2] == ("XGROUP", "DESTROY") else "0"


def _chosen(letter, sql):
    return "id = " not in sql or f"id = {letter['id']}" in sql


def stream(kind="payment", length=0, **groups):
    return {
        "key": f"events:{kind}",
        "length": length,
        "groups": [{"name": name, **group} for name, group in groups.items()] or {},
    }


def group(lag=0, pending=0, idle=False, **readers):
    found = [{"name": name, "idle": ago} for name, ago in readers.items()]
    return {"lag": lag, "pending": pending, "idle": idle, "readers": found or {}}


def outbox(kind="payment", unpublished=0, unacknowledged=0, oldest=None):
    return [
        {
            "kind": kind,
            "unpublished": unpublished,
            "unacknowledged": unacknowledged,
            "oldest": oldest,
        }
    ]


def printed(stack, *words):
    """What the command prints; errors are raised."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser, argparse.RawDescriptionHelpFormatter)
    out = io.StringIO()
    command.run(stack, parser.parse_args(words), Console(out))
    return out.getvalue()


@pytest.fixture
def stack():
    return Stack()


def test_streams_and_their_groups_are_a_table(stack):
    stack.outbox = {"payments": outbox(unpublished=3, oldest=2.25)}
    stack.streams = [
        stream(
            length=12,
            **{"api-gateway": group(readers=5), "order-service": group(4, 2, 1500, one=1)},
        )
    ]
    lines = printed(stack).splitlines()
    assert lines[1].split() == [
        *("payment", "payment-service", "12", "3", "2.2", "s"),
        *("api-gateway", "1", "0", "0", "-"),
    ]
    assert lines[2].split() == ["order-service", "1", "4", "2", "1.5", "s"]
    assert "order-service  order-service     1        1" in lines[5]
    assert "3 events not published, 6 not acknowledged" in "\n".join(lines)
    assert "wait for the group order-service: 6" in lines[-1]


def test_when_all_has_arrived_it_says_so(stack):
    stack.letters = {}
    stack.outbox = {"payments": outbox()}
    stack.streams = [stream(order=group())]
    assert printed(stack).endswith("Nothing is on its way\n")


def test_without_any_event_there_is_one_line(stack):
    stack.letters = {}
    assert printed(stack) == "  no service has published an event yet\n"


def test_with_redis_away_the_databases_are_shown(stack, capsys):
    stack.outbox = {"payments": outbox(unpublished=3, oldest=300)}
    stack.away = {"redis-state"}
    with pytest.raises(StackError, match="redis-state did not answer"):
        printed(stack)
    assert "timed out: this is what the databases know" in capsys.readouterr().err


def test_with_a_database_away_the_others_are_shown(stack, capsys):
    stack.away = {"users"}
    with pytest.raises(StackError, match="user-service's database did not answer"):
        printed(stack)
    assert "no such socket" in capsys.readouterr().err


def test_with_postgres_away_there_is_one_error(stack):
    stack.away = {"users", "orders", "payments"}
    with pytest.raises(StackError, match="PostgreSQL does not answer: psql: error: no such socket"):
        printed(stack)


def test_a_stack_that_is_down_is_no_database_that_is_away(stack):
    def gone(*_):
        raise NotRunning("there is no stack")

    stack.psql = gone
    with pytest.raises(NotRunning):
        printed(stack)


def test_dead_letters_are_listed_without_what_a_terminal_would_obey(stack):
    listed = printed(stack, "dead")
    assert "order-service   7  2026-11-22 10:00:00  order-service  payment.captured  99" in listed
    assert "\x1b" not in listed and "\\x1b[31m" in listed
    assert printed(stack, "dead", "user") == "No dead letters of user-service\n"


def test_more_dead_letters_than_are_listed_are_counted(stack):
    stack.letters = {"orders": [dict(_LETTER, id=number) for number in range(150)]}
    stack._answer, answer = (
        lambda database, sql: answer(database, sql)[: 100 if "LIMIT 100" in sql else None],
        stack._answer,
    )
    assert printed(stack, "dead").endswith("... 50 more\n")


@pytest.mark.parametrize(
    "fields",
    [
        _LETTER["fields"],
        [list(pair) for pair in _LETTER["fields"].items()],
        [word for pair in _LETTER["fields"].items() for word in pair],
    ],
)
def test_one_is_shown_with_its_payload(stack, fields):
    stack.letters["orders"] = [dict(_LETTER, fields=fields)]
    shown = printed(stack, "show", "order", "7")
    assert "1763810000000000 (2025-11-22 11:13:20.000000 UTC)" in shown
    assert '    {\n      "paymentId": "9"\n    }\n' in shown
    assert "stream     events:payment, entry 17-0" in shown


def test_a_payload_that_is_no_json_is_shown_as_it_is(stack):
    stack.letters["orders"] = [dict(_LETTER, fields={"data": "no\x1b[2J {"})]
    assert printed(stack, "show", "order", "7").endswith("(no JSON)\n    no\\x1b[2J {\n")


def test_a_redrive_says_what_was_handled(stack, monkeypatch):
    monkeypatch.setattr(command.time, "sleep", lambda _: None)
    stack.left = [[{"id": 7, "attempts": 10, "error": "x", "waits": True}], []]
    assert printed(stack, "redrive", "order", "7").endswith("1 handled\n")
    assert any("id = 7 RETURNING" in sql for _, sql in stack.asked)


def test_a_redrive_that_failed_again_says_why_and_fails(stack, capsys):
    stack.left = [[{"id": 7, "attempts": 11, "error": "DATA_LOSS: again", "waits": False}]]
    with pytest.raises(StackError, match="1 dead letter failed again"):
        printed(stack, "redrive", "order", "all")


def test_a_redrive_that_is_not_taken_ends_all_the_same(stack, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(command.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(command.time, "sleep", lambda _: None)
    stack.left = [[{"id": 7, "attempts": 10, "error": "x", "waits": True}]]
    with pytest.raises(StackError, match="order-service has not taken 1 of them within 30 s"):
        printed(stack, "redrive", "order", "7")


def test_there_may_be_nothing_to_redrive(stack):
    assert printed(stack, "redrive", "user", "all") == "No dead letters of user-service\n"
    with pytest.raises(StackError, match="order-service has no dead letter 8"):
        printed(stack, "redrive", "order", "8")
    with pytest.raises(StackError, match="order-service has no dead letter 8"):
        printed(stack, "show", "order", "8")


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "1 OR true", "'7'", "1;DROP", "\u0663", str(2**63), "9" * 400]
)
def test_what_is_no_number_of_a_letter_never_gets_into_a_statement(stack, text):
    with pytest.raises(StackError, match="the number of a dead letter is wanted"):
        letter_id(text)
    for verb in ("show", "redrive"):
        if not text.startswith("-"):
            with pytest.raises(StackError):
                printed(stack, verb, "order", text)
    assert not stack.asked


def test_names_of_services_are_known_ones():
    assert service_of("order") == service_of("order-service") == "order-service"
    for name in ("", "orders", "order-service'", "postgres", "-service"):
        with pytest.raises(StackError, match="there is no service"):
            service_of(name)


def test_a_group_that_is_not_read_is_removed(stack):
    stack.streams = [stream(old=group(lag=5, pending=2, gone=60_000), new=group(one=100))]
    assert "7 entries waited for it" in printed(stack, "drop-group", "payment", "old")
    assert ("XGROUP", "DESTROY", "events:payment", "old") in stack.asked


def test_a_group_that_is_read_or_unknown_stays(stack):
    stack.streams = [stream(new=group(one=100))]
    with pytest.raises(StackError, match="new is read, by one"):
        printed(stack, "drop-group", "events:payment", "new")
    stack.streams = [stream(new=group())]
    with pytest.raises(StackError, match="new has acknowledged everything"):
        printed(stack, "drop-group", "payment", "new")
    with pytest.raises(StackError, match="payment has no group old; it has: new"):
        printed(stack, "drop-group", "payment", "old")
    assert all(words[0] == "EVAL" for words in stack.asked)


@pytest.mark.parametrize("kind", ["", "a b", "x*", "events:", "events:events:x", "a\nb"])
def test_a_stream_is_named_by_its_kind(kind):
    with pytest.raises(StackError, match="a stream is wanted"):
        key_of(kind)


def test_an_answer_that_is_no_json_is_an_error(stack):
    stack.redis = lambda *_: "oops"
    with pytest.raises(StackError, match="redis-state answers what is no JSON: oops"):
        Streams(stack).look(["payment"])
    stack.psql = lambda *_: "oops"
    with pytest.raises(StackError, match="user-service's database answers what is no JSON"):
        Databases(stack).outbox("user-service")
