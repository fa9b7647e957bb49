"""The command line of the drills, and what a run that is short can say."""

import inspect
import io
import sys
from pathlib import Path

import pytest

from scaleout.drills import __main__ as command
from scaleout.drills import drill, durability, saga
from scaleout.narrator import Narrator


def parsed(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["drill.sh", *arguments])
    return command.parse()


def refused(monkeypatch, capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        parsed(monkeypatch, *arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


_PAYS = ("Buyers(", "Payers(", "Shoppers(", '"POST", "/api/payments"')


def test_the_checker_comes_after_each_drill_that_pays():
    sources = {
        name: Path(inspect.getfile(made)).read_text() for name, made in command.DRILLS.items()
    }
    paying = {name for name, text in sources.items() if any(each in text for each in _PAYS)}
    assert {"durability", "saga", "slow-provider"} <= paying
    assert {name for name in paying if "checker.check(" not in sources[name]} == set()


@pytest.mark.parametrize("name", list(command.DRILLS) + ["all"])
@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "-inf", "soon", ""])
def test_seconds_are_a_number_above_0(monkeypatch, capsys, name, seconds):
    said = refused(monkeypatch, capsys, name, f"--seconds={seconds}")
    assert f"--seconds: {seconds}: a number above 0 is wanted" in said


@pytest.mark.parametrize(
    "name, seconds, said",
    [
        ("durability", "0.9", "--seconds 0.9: durability needs 1 or more"),
        ("blackhole", "3", "--seconds 3: blackhole needs 4 or more"),
        ("overload", "4.9", "--seconds 4.9: overload needs 5 or more"),
        ("all", "4.5", "--seconds 4.5: overload needs 5 or more"),
        ("saga", "60", "saga has no --seconds"),
        ("kill-gateways", "60", "kill-gateways has no --seconds"),
    ],
)
def test_seconds_in_which_a_drill_can_say_nothing_are_refused(
    monkeypatch, capsys, name, seconds, said
):
    assert said in refused(monkeypatch, capsys, name, "--seconds", seconds)


@pytest.mark.parametrize("name", ["durability", "events", "breaker"])
def test_kills_are_sagas(monkeypatch, capsys, name):
    assert "--kills is for saga" in refused(monkeypatch, capsys, name, "--kills", "60")


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "", "\u00b2"])
def test_kills_are_a_number_above_0(monkeypatch, capsys, text):
    said = refused(monkeypatch, capsys, "saga", f"--kills={text}")
    assert f"{text}: a number above 0 is wanted" in said


def test_what_makes_sense_is_taken(monkeypatch):
    assert parsed(monkeypatch, "durability", "--seconds", "1").seconds == 1
    assert parsed(monkeypatch, "all", "--seconds", "5", "--kills", "7").kills == 7
    assert parsed(monkeypatch, "saga", "--quick", "--kills", "1000").kills == 1000


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "few"])
def test_a_variable_is_a_number_above_0_too(monkeypatch, text):
    monkeypatch.setenv("RATE", text)
    with pytest.raises(drill.DrillError, match="a number above 0 is wanted"):
        drill.setting("RATE", 40, float)


@pytest.mark.parametrize("seconds, kills", [(1, 1), (2, 1), (12, 6), (60, 30)])
def test_durability_kills_in_any_time(seconds, kills):
    assert durability.kills_within(seconds) == kills


class TestVictims:
    _VICTIMS = (("gateway", 1), ("gateway", 2), ("postgres", None))

    def checked(self, hit, kills):
        """The check, or None, and what was printed."""
        out = io.StringIO()
        narrator = Narrator("the victims", out=out)
        drill.check_victims(narrator, hit, self._VICTIMS, kills)
        return narrator.checks[0]["passed"] if narrator.checks else None, out.getvalue()

    def test_are_of_every_kind_where_there_are_kills_enough(self):
        assert self.checked({"gateway", "postgres"}, 3)[0] is True
        assert self.checked({"gateway"}, 3)[0] is False
        assert self.checked({"gateway", "postgres"}, 2)[0] is True

    def test_of_fewer_kills_are_not_judged_and_that_is_said(self):
        passed, printed = self.checked({"gateway"}, 2)
        assert passed is None
        assert "2 kills are too few for every kind of process: not postgres" in printed

    def test_of_the_short_forms_are_said_or_checked(self):
        assert saga.QUICK_KILLS >= len(saga.VICTIMS)
        assert durability.kills_within(60) >= len(durability.VICTIMS)
