"""What the driver of the stack in containers asks of nginx' and Redis' containers."""

import pytest

from scaleout.driver.compose import ComposeDriver
from scaleout.errors import StackError


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
