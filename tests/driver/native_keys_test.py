"""The keys of tokens: made once, never seen by others, and rotated so that no token is refused."""

import types
from pathlib import Path

import pytest

from scaleout.errors import StackError
from scaleout.native import preconditions, programs
from scaleout.native.keys import Keys

# A program that declares settings, and a user service that signs: its keys are numbers.
_PROGRAM = """#!/bin/sh
if [ "$1" = --help=markdown ]; then
  for name in {settings}; do echo "| \\`$name\\` | none |  | of a test |"; done
  exit
fi
[ ! -e {broken} ] || {{ echo "no keys today" >&2; exit 1; }}
case $1 in
  --make-signing-key)
    echo x >>{made}
    printf '%s\\n' '-----BEGIN PRIVATE KEY-----' "$(wc -l <{made})" '-----END PRIVATE KEY-----' ;;
  --public-key) sed s/PRIVATE/PUBLIC/ "$AUTH_SIGNING_KEY_FILE" ;;
esac
"""


@pytest.fixture
def stack(tmp_path):
    """The settings, the places and the programs of one."""
    made = types.SimpleNamespace(bin_dir=str(tmp_path / "bin"), variables={})
    made.secret = (tmp_path / "secrets").joinpath
    made.secret().mkdir()
    (tmp_path / "bin").mkdir()

    def program(name, *settings):
        path = tmp_path / "bin" / name
        files = {"made": tmp_path / "made", "broken": tmp_path / "broken"}
        path.write_text(_PROGRAM.format(settings=" ".join(settings), **files))
        path.chmod(0o755)

    made.program = program
    made.break_it = (tmp_path / "broken").touch
    program("api-gateway", "AUTH_MODE", "AUTH_PUBLIC_KEYS", "RATE_LIMIT", "GATEWAY_LOOPS")
    program("user-service", "AUTH_SIGNING_KEY", "AUTH_ISSUER")
    program("order-service", "DB_CONNINFO")
    program("payment-service", "DB_CONNINFO")
    made.keys = Keys(made, made)
    return made


def numbers(stack, name):
    return [line for line in stack.secret(name).read_text().split() if line.isdigit()]


def signing(stack):
    return numbers(stack, "signing-key.pem")


def public(stack):
    return numbers(stack, "public-keys.pem")


def test_a_key_is_made_once_and_for_its_owner_alone(stack):
    for _ in range(2):
        stack.keys.prepare()
        assert (signing(stack), public(stack)) == (["1"], ["1"])
    for path in stack.secret().iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in stack.secret("public-keys.pem").read_text()


def test_each_program_is_given_what_it_knows(stack):
    stack.keys.prepare()
    assert stack.keys.variables_of("user-service") == {
        "AUTH_SIGNING_KEY_FILE": stack.secret("signing-key.pem")
    }
    assert stack.keys.variables_of("api-gateway") == {
        "AUTH_PUBLIC_KEYS_FILE": stack.secret("public-keys.pem")
    }
    assert stack.keys.variables_of("order-service") == {}


def test_programs_that_know_no_keys_get_none(stack):
    stack.program("user-service", "DB_CONNINFO")
    stack.keys.prepare()
    assert not stack.keys.are_known
    assert stack.keys.variables_of("api-gateway") == {}
    assert list(stack.secret().iterdir()) == []


def test_gateways_know_the_next_key_before_it_signs_and_the_old_one_after(stack):
    stack.keys.prepare()
    stack.keys.prepare_next()
    assert (signing(stack), public(stack)) == (["1"], ["1", "2"])
    stack.keys.take_next()
    assert (signing(stack), public(stack)) == (["2"], ["1", "2"])
    stack.keys.prepare()
    assert public(stack) == ["1", "2"], "a restart forgets none"
    stack.keys.prepare_next()
    stack.keys.take_next()
    stack.keys.end_rotation()
    assert (signing(stack), public(stack)) == (["3"], ["2", "3"])
    stack.keys.drop_old()
    assert (signing(stack), public(stack)) == (["3"], ["3"])


def test_a_rotation_that_broke_off_goes_on_with_the_key_that_it_made(stack):
    stack.keys.prepare()
    stack.keys.prepare_next()
    with pytest.raises(StackError, match="has not ended"):
        stack.keys.drop_old()
    stack.keys.prepare_next()
    stack.keys.take_next()
    assert (signing(stack), public(stack)) == (["2"], ["1", "2"])


def test_a_service_that_makes_no_key_leaves_nothing_behind(stack):
    stack.break_it()
    with pytest.raises(StackError) as raised:
        stack.keys.prepare()
    assert "no keys today" in raised.value.explain()
    assert list(stack.secret().iterdir()) == []


def test_a_variable_that_no_program_knows_is_a_mistake(stack):
    stack.variables = {"AUTH_MODE": "required", "RATE_LIMIT": "5/min", "GATEWAY_X": "1"}
    preconditions.check_identity_variables(stack)
    stack.variables = {"AUTH_MOOD": "required"}
    with pytest.raises(StackError, match="AUTH_MOOD"):
        preconditions.check_identity_variables(stack)


def test_programs_without_logins_are_what_optional_asks_for(stack):
    stack.program("api-gateway", "GATEWAY_LOOPS")
    stack.variables = {"AUTH_MODE": "optional"}
    preconditions.check_identity_variables(stack)
    stack.variables = {"AUTH_MODE": "required"}
    with pytest.raises(StackError, match="AUTH_MODE"):
        preconditions.check_identity_variables(stack)


def test_a_program_that_is_built_anew_is_asked_anew(stack):
    program = Path(stack.bin_dir, "api-gateway")
    assert "NEW" not in programs.settings_of(program)
    stack.program("api-gateway", "NEW")
    assert "NEW" in programs.settings_of(program)
