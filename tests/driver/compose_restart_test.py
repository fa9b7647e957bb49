"""Which containers the driver of the stack in containers restarts."""

import pytest

from scaleout.driver import compose
from scaleout.driver.compose import ComposeDriver

_NUMBER = "com.docker.compose.container-number"


class Engine:
    """The containers of one part, by number; `restarted` has the ids of those that were."""

    def __init__(self, running):
        self.containers = [
            {
                "Id": f"container-{number}",
                "Config": {"Labels": {_NUMBER: str(number)}},
                "State": {"Running": is_running},
            }
            for number, is_running in enumerate(running, 1)
        ]
        self.restarted = []

    def docker(self, verb, *ids):
        assert verb == "restart"
        self.restarted.extend(ids)


@pytest.fixture
def engine(monkeypatch):
    made = Engine(running=[True, False, True])
    monkeypatch.setattr(compose, "docker", made.docker)
    monkeypatch.setattr(compose, "inspect", lambda *ids: made.containers)
    monkeypatch.setattr(ComposeDriver, "_compose", staticmethod(lambda *words: ""))
    monkeypatch.setattr(ComposeDriver, "_await_healthy", lambda self, ids: None)
    monkeypatch.setattr(ComposeDriver, "_await_routed", lambda self: None)
    return made


def test_gateways_that_were_stopped_are_not_started_by_new_keys(engine):
    ComposeDriver().rotate_keys(drop_old=True)
    assert engine.restarted == ["container-1", "container-3"]


def test_a_gateway_that_is_named_is_restarted_in_any_state(engine):
    ComposeDriver().restart("api-gateway", 2)
    assert engine.restarted == ["container-2"]


def test_a_part_that_is_no_gateway_is_restarted_in_any_state(engine):
    ComposeDriver().restart("nginx")
    assert engine.restarted == ["container-1", "container-2", "container-3"]
