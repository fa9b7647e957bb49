"""What is typed for a script is not read by the commands that it runs on its way."""

import os

import pytest

from scaleout import docker, driver


@pytest.fixture(name="typed")
def make_typed():
    """A line on this process' standard input; its end that reads."""
    reader, writer = os.pipe()
    os.write(writer, b"a password\n")
    os.close(writer)
    saved = os.dup(0)
    os.dup2(reader, 0)
    yield reader
    os.dup2(saved, 0)
    for each in (saved, reader):
        os.close(each)


@pytest.mark.parametrize("run", [lambda: driver.run(["cat"]), lambda: docker.run("cat")])
def test_a_command_gets_nothing_of_it(typed, run):
    assert run() == ""
    assert os.read(typed, 100) == b"a password\n"


def test_a_command_gets_what_is_meant_for_it(typed):
    assert driver.run(["cat"], typed="another\n") == "another\n"
    assert os.read(typed, 100) == b"a password\n"
