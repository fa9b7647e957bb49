"""What the driver of the stack in containers asks of nginx' and Redis' containers."""

import subprocess

import pytest

from scaleout.driver.compose import ComposeDriver
from scaleout.errors import StackError
from scaleout.topology import ROOT


class Containers:
    """Answers sed with the values of nginx' configuration, and keeps every other command."""

    def __init__(self, proxy_cache="on"):
        self._found = {"balance": "least_conn", "proxy_cache_key": "0a1b", "(on": ""}
        if proxy_cache == "on":
            self._found["(on"] = "on"
        self.commands = []
        self.says = ""

    def compose(self, *arguments):
        if "sed" in arguments:
            expression = arguments[arguments.index("-n") + 1]
            return next(text for word, text in self._found.items() if word in expression) + "\n"
        self.commands.append(arguments)
        return self.says


@pytest.fixture
def containers(monkeypatch, request):
    made = Containers(**getattr(request, "param", {}))
    monkeypatch.setattr(ComposeDriver, "_compose", staticmethod(made.compose))
    return made


def variables_of(command):
    return dict(command[at + 1].split("=", 1) for at, word in enumerate(command) if word == "-e")


def test_another_strategy_keeps_the_version_of_the_cache(containers):
    ComposeDriver().balance("ip_hash")
    variables = variables_of(containers.commands[0])
    assert variables["LB_STRATEGY"] == "ip_hash"
    assert variables["NGINX_CACHE_VERSION"] == "0a1b"


def test_a_purge_takes_another_version_and_keeps_the_strategy(containers):
    ComposeDriver().purge()
    variables = variables_of(containers.commands[0])
    assert variables["LB_STRATEGY"] == "least_conn"
    assert variables["NGINX_CACHE_VERSION"] not in ("0a1b", "")


@pytest.mark.parametrize("containers", [{"proxy_cache": "off"}], indirect=True)
def test_there_is_nothing_to_purge_where_nginx_stores_nothing(containers):
    with pytest.raises(StackError, match="PROXY_CACHE is off"):
        ComposeDriver().purge()
    assert not containers.commands


def test_words_for_redis_are_arguments_and_no_part_of_a_script(containers):
    containers.says = "a\nb\n"
    assert ComposeDriver().redis("redis-state", "XINFO", "$(id) 'x'") == "a\nb"
    *_, script, name, first, second = containers.commands[0]
    assert "$(id)" not in script
    assert (name, first, second) == ("redis-cli", "XINFO", "$(id) 'x'")


def test_a_flush_is_done_when_redis_says_so(containers):
    containers.says = "OK\n"
    ComposeDriver().flush("redis-cache")
    assert containers.commands[0][:3] == ("exec", "-T", "redis-cache")
    containers.says = "NOAUTH Authentication required.\n"
    with pytest.raises(StackError, match="redis-state refuses: NOAUTH"):
        ComposeDriver().flush("redis-state")
    with pytest.raises(StackError, match="postgres holds no keys"):
        ComposeDriver().flush("postgres")


def test_gateways_are_read_from_the_answers_to_clients_that_nginx_believes(containers):
    containers.says = (
        "HTTP/1.1 200 OK\r\nX-Instance-Id: 3da83258ac4f\r\n\r\n"
        "HTTP/1.1 502 Bad Gateway\r\n\r\n"
        "HTTP/1.1 200 OK\r\nx-instance-id: 0a1b2c3d4e5f\r\n\r\n"
    )
    found = ComposeDriver().instances_for(["192.0.2.1", "192.0.2.2", "$(id)"])
    assert found == ["3da83258ac4f", "0a1b2c3d4e5f"]
    *_, script, name, first, second, third = containers.commands[0]
    assert "http://127.0.0.1:" in script, "nowhere else may a client play another one"
    assert "$(id)" not in script
    assert (name, first, second, third) == ("sh", "192.0.2.1", "192.0.2.2", "$(id)")


@pytest.mark.parametrize(
    "binds, mode, status, says",
    [
        (("127.0.0.1",), "", 0, ""),
        (("::1",), "optional", 0, ""),
        (("0.0.0.0",), "", 1, "refused: HTTP_BIND=0.0.0.0 opens"),
        (("192.168.1.20",), "", 1, "Say AUTH_MODE=required"),
        (("0.0.0.0",), "optional", 0, "anyone who reaches this port is an admin"),
        (("0.0.0.0",), "required", 0, ""),
        (("127.0.0.1", "127.0.0.1"), "", 0, ""),
        (("127.0.0.1", "0.0.0.0"), "", 1, "refused: HTTPS_BIND=0.0.0.0 opens"),
        (("0.0.0.0", "127.0.0.1"), "", 1, "refused: HTTP_BIND=0.0.0.0 opens"),
        (("::", "0.0.0.0"), "", 1, "refused: HTTP_BIND=:: HTTPS_BIND=0.0.0.0 opens"),
        (("127.0.0.1", "0.0.0.0"), "optional", 0, "warning: HTTPS_BIND=0.0.0.0"),
        (("127.0.0.1", "0.0.0.0"), "required", 0, ""),
    ],
)
def test_a_door_to_other_machines_wants_a_word_on_tokens(binds, mode, status, says):
    result = subprocess.run(
        [ROOT / "deploy/compose/check-door.sh"],
        env={
            **dict(zip(("HTTP_BIND", "HTTPS_BIND"), binds)),
            "AUTH_MODE": mode,
            "LAB_ENDPOINTS": "off",
        },
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == status
    assert says in result.stderr if says else not result.stderr
