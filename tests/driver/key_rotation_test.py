"""The keys of tokens on both stacks, with an end of the scripts at any moment and a repetition: the
gateways never lack the key of a token that is good, and no key is made twice.

The stacks' own steps run, over files of their own; what a program has read is noted when it is
replaced, as if it ran.
"""

import contextlib
import itertools
import os
import re
import shutil
import subprocess
import types
from pathlib import Path

import pytest

from scaleout.console import Silent
from scaleout.driver.compose import ComposeDriver
from scaleout.errors import StackError
from scaleout.native.keys import Keys
from scaleout.native.stack import Stack
from scaleout.topology import ROOT

_GATEWAYS = (1, 2, 3)
# Steps of which there are not so many.
_NEVER = 1_000_000
_PEM = re.compile(r"-----BEGIN.*?-----END[^\n]*\n", re.DOTALL)
# A user service whose program knows keys; --help=markdown prints its settings.
_USER_SERVICE = """#!/bin/sh
case $1 in
  --help=markdown) echo '| `AUTH_SIGNING_KEY` | none |  | of a test |' ;;
  --make-signing-key) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
  --public-key) openssl pkey -in "$AUTH_SIGNING_KEY_FILE" -pubout ;;
esac
"""
# In place of a program of make-secrets.sh.
_COUNTED = """#!/bin/sh
left=$(cat {left})
echo $((left - 1)) >{left}
[ "$left" -ne 0 ] || exit 1
exec {program} "$@"
"""


class BrokenOff(Exception):
    """The process of the scripts ended."""


def public_half(key):
    command = ["openssl", "pkey", "-in", str(key), "-pubout"]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def keys_in(path):
    return _PEM.findall(path.read_text())


class Running:
    """What the programs of a stack have read, and its steps that are counted: before the one
    number `break_at` everything ends.
    """

    def __init__(self, directory, signing_key, public_keys):
        self.signing_key, self.public_keys = signing_key, public_keys
        self.left = directory / "left"
        self.break_at(_NEVER)
        self.signs, self.known = [], {}

    def break_at(self, number):
        self.left.write_text(str(number))

    def step(self):
        left = int(self.left.read_text())
        self.break_at(left - 1)
        if left == 0:
            raise BrokenOff

    def replace_gateway(self, k):
        self.step()
        self.known[k] = keys_in(self.public_keys)
        self.check()

    def replace_service(self):
        self.step()
        self.signs.append(public_half(self.signing_key))
        self.check()
        self.step()

    def start(self):
        for k in _GATEWAYS:
            self.known[k] = keys_in(self.public_keys)
        self.signs = [public_half(self.signing_key)]
        self.check()

    def check(self):
        """Tokens of each key that was signed with are good at each gateway."""
        assert set(self.signs) <= set.intersection(*map(set, self.known.values()))


class Native(Stack):
    def __init__(self, directory, monkeypatch):
        self._directory = directory
        (directory / "secrets").mkdir()
        program = directory / "user-service"
        program.write_text(_USER_SERVICE)
        program.chmod(0o755)
        self.settings = types.SimpleNamespace(bin_dir=str(directory), gateways=_GATEWAYS)
        self.places = types.SimpleNamespace(secret=(directory / "secrets").joinpath)
        self._console = Silent()
        self.running = Running(
            directory, self.places.secret("signing-key.pem"), self.places.secret("public-keys.pem")
        )
        for name in ("rename", "unlink", "touch"):
            monkeypatch.setattr(Path, name, self._counted(getattr(Path, name)))

    def _counted(self, act):
        def counted(path, *arguments, **options):
            if self._directory in path.parents:
                self.running.step()
            return act(path, *arguments, **options)

        return counted

    def make_keys(self):
        Keys(self.settings, self.places).prepare()

    def _changing(self):
        return contextlib.nullcontext()

    def _replace_gateway(self, k):
        self.running.replace_gateway(k)

    def _replace_service(self, service):
        assert service == "user-service"
        self.running.replace_service()


class Compose(ComposeDriver):
    def __init__(self, directory, monkeypatch):
        secrets, programs = directory / "secrets", directory / "bin"
        for path in (secrets / "signing-key", secrets / "public-keys", programs):
            path.mkdir(parents=True)
        script = (ROOT / "deploy/compose/make-secrets.sh").read_text()
        self._script = directory / "make-secrets.sh"
        self._script.write_text(
            script.replace("/secrets/", f"{secrets}/").replace("/provided/", f"{directory}/none/")
        )
        self._path = f"{programs}:{os.environ['PATH']}"
        self.running = Running(
            directory, secrets / "signing-key/key.pem", secrets / "public-keys/keys.pem"
        )
        for name in ("mv", "rm", "openssl"):
            values = {"left": self.running.left, "program": shutil.which(name)}
            (programs / name).write_text(_COUNTED.format(**values))
            (programs / name).chmod(0o755)

    def make_keys(self):
        self._make_secrets()

    def _make_secrets(self, *step):
        result = subprocess.run(
            ["sh", str(self._script), *step],
            env={"PATH": self._path},
            text=True,
            capture_output=True,
            check=False,
        )
        if result.returncode == 0:
            return result.stdout
        if int(self.running.left.read_text()) < 0:
            raise BrokenOff
        raise StackError("make-secrets.sh", result.stderr.splitlines())

    def restart(self, part, k=None):
        if part == "user-service":
            self.running.replace_service()
        else:
            for each in _GATEWAYS:
                self.running.replace_gateway(each)


@pytest.fixture(params=[Native, Compose], ids=["native", "compose"])
def make_stack(request, tmp_path, monkeypatch):
    numbers = itertools.count()

    def make():
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return request.param(directory, monkeypatch)

    return make


def broken_off_at(number, stack, act):
    """Whether it was, before that step."""
    stack.running.break_at(number)
    try:
        act()
        return False
    except BrokenOff:
        return True
    finally:
        stack.running.break_at(_NEVER)


def after_each_step(make_stack, act, prepare=lambda stack: None):
    """A stack for each step that it can break off before."""
    for number in itertools.count():
        stack = make_stack()
        prepare(stack)
        if not broken_off_at(number, stack, lambda made=stack: act(made)):
            assert number > 3
            return
        yield stack


def start(stack):
    stack.make_keys()
    stack.running.start()


def rotate(stack):
    stack.rotate_keys()


def test_a_rotation_refuses_no_token_wherever_it_broke_off(make_stack):
    for stack in after_each_step(make_stack, rotate, start):
        stack.running.check()
        stack.rotate_keys()
        first, *others = stack.running.signs
        assert others and set(others) == {public_half(stack.running.signing_key)}
        assert others[0] != first
        stack.running.signs = others
        stack.rotate_keys(drop_old=True)
        assert all(known == others[:1] for known in stack.running.known.values())


def test_each_rotation_makes_a_key_and_drops_the_oldest(make_stack):
    stack = make_stack()
    start(stack)
    assert stack.rotate_keys()
    (first, second), stack.running.signs = stack.running.signs, stack.running.signs[1:]
    assert stack.rotate_keys()
    third = stack.running.signs[-1]
    assert len({first, second, third}) == 3
    assert all(known == [second, third] for known in stack.running.known.values())


def test_a_rotation_that_broke_off_late_is_ended_and_no_more(make_stack):
    stack = make_stack()
    start(stack)
    stack.running.replace_service = lambda: stack.running.break_at(0) or stack.running.step()
    assert broken_off_at(_NEVER, stack, stack.rotate_keys)
    del stack.running.replace_service
    with pytest.raises(StackError):
        stack.rotate_keys(drop_old=True)
    taken = public_half(stack.running.signing_key)
    assert not stack.rotate_keys()
    assert stack.running.signs[-1] == taken


def test_no_public_key_is_ever_beside_the_key_of_another(make_stack):
    def lose_the_signing_key(stack):
        stack.make_keys()
        os.remove(stack.running.signing_key)

    def make_keys(stack):
        stack.make_keys()

    for stack in after_each_step(make_stack, make_keys, lose_the_signing_key):
        running = stack.running
        if running.signing_key.exists() and running.public_keys.exists():
            assert keys_in(running.public_keys) == [public_half(running.signing_key)]
        stack.make_keys()
        assert keys_in(running.public_keys) == [public_half(running.signing_key)]


def test_a_native_stack_that_starts_has_ended_the_rotation(tmp_path, monkeypatch):
    stack = Native(tmp_path, monkeypatch)
    start(stack)
    keys = Keys(stack.settings, stack.places)
    assert keys.prepare_next()
    keys.take_next()
    assert not keys.prepare_next()
    start(stack)
    assert keys.prepare_next()


def test_a_step_without_the_one_before_is_refused(tmp_path, monkeypatch):
    stack = Compose(tmp_path, monkeypatch)
    start(stack)
    with pytest.raises(StackError):
        stack._make_secrets("take-key")
    assert keys_in(stack.running.public_keys) == [public_half(stack.running.signing_key)]
