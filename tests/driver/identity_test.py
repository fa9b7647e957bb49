"""Accounts and tokens of a stack, over a service of logins that answers from memory."""

import getpass
import http.server
import io
import itertools
import json
import sys
import threading
import types
from pathlib import Path

import pytest

from scaleout.errors import StackError
from scaleout.identity import bearer, command
from scaleout.identity.accounts import ADMIN, CUSTOMER, Accounts
from scaleout.identity.entering import enter
from scaleout.load import h2load
from scaleout.load.client import Client
from scaleout.load.open_loop import Request


class Stack(http.server.ThreadingHTTPServer):
    """The driver, and what answers at its URL."""

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory = directory
        self.users = {CUSTOMER: "customer"}  # role by address
        self.passwords = {}
        self.tokens = {}  # address by token
        self.numbers = itertools.count(1)
        self.expires_in = 900
        self.required = True
        self.verbs = []
        self.logins = 0
        self.status = None  # of each login, if not its own

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def doors(self):
        return [self.url()]

    def secrets_dir(self):
        return self.directory

    def psql(self, database, sql):
        assert database == "users"
        named = [user for user in sorted(self.users) if f"'{user}'" in sql.lower()]
        if sql.startswith("UPDATE users SET role = 'admin'"):
            self.users.update(dict.fromkeys(named, "admin"))
            return ""
        found = named if " email" in sql or "(email)" in sql else sorted(self.users)
        if "user%s@example.com" in sql:
            found = [user for user in found if user.startswith("user")]
        if "role = 'admin'" in sql:
            found = [user for user in found if self.users[user] == "admin"]
        return "\n".join(found)

    def user_service(self, *verb, typed):
        self.verbs.append(verb[0])
        email = verb[1].removeprefix("--email=")
        if verb[0] == "--create-admin":
            if "admin" in self.users.values() or email in self.users:
                raise StackError("user-service: exit status 1")
            self.users[email] = "admin"
        elif email not in self.users:
            raise StackError("user-service: exit status 1")
        self.passwords[email] = typed.removesuffix("\n")
        return ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        known = token in self.server.tokens
        self._answer(200 if known or not (token or self.server.required) else 401, {"token": token})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/register"):
            self._register(**body)
        else:
            self._log_in(body)

    def _register(self, email, name, password):
        if email in self.server.users:
            self._answer(409, {})
        elif not name or len(password) < 8:
            self._answer(422, {})
        else:
            self.server.users[email] = "customer"
            self.server.passwords[email] = password
            self._answer(201, {})

    def _log_in(self, body):
        self.server.logins += 1
        if self.server.status:
            self._answer(self.server.status, {})
        elif self.server.passwords.get(body["email"]) != body["password"]:
            self._answer(401, {})
        else:
            token = f"token-{next(self.server.numbers)}"
            self.server.tokens[token] = body["email"]
            self._answer(200, {"accessToken": token, "expiresIn": self.server.expires_in})

    def _answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path / "secrets") as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        bearer.use([made.server_port], "")
        made.shutdown()


def test_the_admin_is_created_and_others_are_given_a_password(stack):
    accounts = Accounts(stack)
    admin, customer = accounts.get(ADMIN), accounts.get(CUSTOMER)
    assert stack.verbs == ["--create-admin", "--set-password"]
    assert admin.password != customer.password and min(len(admin.password), 16) == 16
    assert Accounts(stack).get(ADMIN).password == admin.password, "and keep it"
    assert stack.verbs == ["--create-admin", "--set-password"]


def test_an_admin_that_is_there_already_is_given_a_password(stack):
    stack.users[ADMIN] = "admin"
    Accounts(stack).get(ADMIN)
    assert stack.verbs == ["--set-password"]


def test_beside_another_admin_the_labs_is_made_by_force_alone(stack):
    stack.users["you@example.com"] = "admin"
    for ask in (Accounts(stack).token, Accounts(stack).get, Accounts(stack).log_in):
        with pytest.raises(StackError, match="an admin already.*token --force admin"):
            ask(ADMIN)
    with pytest.raises(StackError, match="token --force admin"):
        enter(stack)
    assert ADMIN not in stack.users and stack.verbs == []
    assert Accounts(stack, force=True).token(ADMIN) == "token-1"
    assert stack.users[ADMIN] == "admin"
    assert enter(stack), "scripts know it from now on"


def test_a_customer_with_the_address_of_the_labs_admin_loses_it_by_force_alone(stack):
    stack.users[ADMIN] = "customer"
    stack.passwords[ADMIN] = "a password of another"
    with pytest.raises(StackError, match="a customer's address"):
        Accounts(stack).get(ADMIN)
    role_with_verb = []
    run = stack.user_service
    stack.user_service = lambda *verb, typed: (
        role_with_verb.append((verb[0], stack.users[ADMIN])),
        run(*verb, typed=typed),
    )
    account = Accounts(stack, force=True).get(ADMIN)
    assert role_with_verb == [("--set-password", "customer")], "the role comes after"
    assert stack.users[ADMIN] == "admin" and stack.passwords[ADMIN] == account.password


def ask_for_passwords(stack, *users, force=False):
    command.passwords(stack, types.SimpleNamespace(user=users, force=force))


def test_passwords_leave_out_an_admin_that_scripts_do_not_know(stack, capsys):
    stack.users["you@example.com"] = "admin"
    ask_for_passwords(stack)
    said = capsys.readouterr()
    assert said.out == f"{CUSTOMER} {stack.passwords[CUSTOMER]}\n"
    assert "left out" in said.err and "token --force admin" in said.err
    ask_for_passwords(stack, "you@example.com", force=True)
    assert ADMIN not in stack.users, "force is for the one who is named"
    ask_for_passwords(stack, "admin", force=True)
    said = capsys.readouterr()
    assert stack.users[ADMIN] == "admin"
    assert f"{ADMIN} {stack.passwords[ADMIN]}\n" in said.out


def test_passwords_do_without_the_demo_data(stack, capsys):
    stack.users.clear()
    ask_for_passwords(stack)
    said = capsys.readouterr()
    assert said.out == f"{ADMIN} {stack.passwords[ADMIN]}\n"
    assert f"no user with the address {CUSTOMER}" in said.err


def create_admin(stack, email, force=False):
    command.create_admin(stack, types.SimpleNamespace(email=email, name="You", force=force))


def test_the_first_admin_has_the_password_that_is_the_next_line(stack, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse \nbattery"))
    create_admin(stack, "you@example.com")
    assert stack.users["you@example.com"] == "admin"
    assert stack.passwords["you@example.com"] == "correct horse "
    assert stack.verbs == ["--create-admin"]
    assert not stack.directory.exists(), "no script keeps it"


def test_a_password_that_is_typed_is_typed_twice(stack, monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: True))
    typed = iter(["correct horse", "correct hose", "correct horse", "correct horse"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(typed))
    with pytest.raises(StackError, match="two passwords"):
        create_admin(stack, "you@example.com")
    assert stack.verbs == []
    create_admin(stack, "you@example.com")
    assert stack.passwords["you@example.com"] == "correct horse"


def test_an_admin_beside_the_labs_is_made_by_force_alone(stack, monkeypatch):
    Accounts(stack).get(ADMIN)
    with pytest.raises(StackError, match="an admin already; --force"):
        create_admin(stack, "you@example.com")
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    create_admin(stack, "you@example.com", force=True)
    assert stack.users["you@example.com"] == "admin"
    assert stack.passwords["you@example.com"] == "correct horse"
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(StackError, match="422"):
        create_admin(stack, "another@example.com", force=True)
    assert "another@example.com" not in stack.users


def test_only_its_owner_can_read_the_file(stack):
    Accounts(stack).token(CUSTOMER)
    assert stack.directory.stat().st_mode & 0o777 == 0o700
    assert (stack.directory / "accounts.json").stat().st_mode & 0o777 == 0o600


def test_a_token_is_kept_while_it_is_good(stack):
    tokens = {Accounts(stack).token(CUSTOMER) for _ in range(3)}
    assert tokens == {"token-1"} and stack.logins == 1
    stack.tokens.clear()
    assert Accounts(stack).token(CUSTOMER) == "token-2", "a session that has ended"
    stack.expires_in = 200
    stack.tokens.clear()
    assert Accounts(stack).token(CUSTOMER) == "token-3"
    assert Accounts(stack).token(CUSTOMER) == "token-4", "too little was left"


def test_a_password_that_does_not_fit_any_more_is_set_anew(stack):
    Accounts(stack).get(CUSTOMER)
    stack.passwords.clear()
    assert Accounts(stack).token(CUSTOMER)
    assert stack.verbs == ["--set-password"] * 2


def test_a_login_of_its_own_sets_it_anew_too(stack):
    Accounts(stack).get(CUSTOMER)
    stack.passwords.clear()
    assert Accounts(stack).log_in(CUSTOMER).status == 200
    assert Accounts(stack).get(CUSTOMER).password == stack.passwords[CUSTOMER], "and keeps it"
    assert stack.verbs == ["--set-password"] * 2


def test_only_users_of_the_demo_data_are_given_a_password_unless_forced(stack):
    stack.users["ada@example.com"] = "customer"
    stack.passwords["ada@example.com"] = "a password of her own"
    ada = Accounts(stack).find("Ada@Example.com")
    for ask in (Accounts(stack).token, Accounts(stack).get, Accounts(stack).log_in):
        with pytest.raises(StackError, match="--force"):
            ask(ada)
    assert stack.verbs == [] and stack.logins == 0
    assert Accounts(stack, force=True).token(ada) == "token-1"
    assert Accounts(stack).token(ada) == "token-1", "known by now"
    stack.passwords["ada@example.com"] = "another one of her own"
    stack.tokens.clear()
    with pytest.raises(StackError, match="--force"):
        Accounts(stack).token(ada)
    assert stack.verbs == ["--set-password"]


def test_what_is_in_the_way_of_a_login_is_named_without_the_password(stack):
    stack.status = 429
    with pytest.raises(StackError) as raised:
        Accounts(stack).token(CUSTOMER)
    assert "429" in str(raised.value)
    assert stack.passwords[CUSTOMER] not in str(raised.value)
    assert Accounts(stack).get(CUSTOMER).password == stack.passwords[CUSTOMER]


def test_users_are_found_by_their_address(stack):
    assert Accounts(stack).find("admin") == ADMIN
    assert Accounts(stack).find(CUSTOMER.upper()) == CUSTOMER
    with pytest.raises(StackError, match="O'Neill"):
        Accounts(stack).find("O'Neill")


def test_a_stack_that_wants_tokens_gets_them_from_every_client(stack):
    assert enter(stack)
    assert stack.verbs == ["--create-admin"]
    assert Client(stack.url()).get("/x").json() == {"token": "token-1"}
    own = {"Authorization": "Bearer own"}
    assert Client(stack.url()).get("/x", own).json() == {"token": "own"}
    assert Client(stack.url(), anonymous=True).get("/x").status == 401
    sent = Request("GET", "/x").head_and_body("localhost", stack.server_port)
    assert b"\r\nAuthorization: Bearer token-1\r\n" in sent
    other = Request("GET", "/x").head_and_body("localhost", stack.server_port + 1)
    assert b"Authorization" not in other


def test_no_argument_of_h2load_has_the_token_of_this_process(stack, monkeypatch):
    assert enter(stack)
    commands = []

    def run(command):
        commands.append(command)
        log = next(word for word in command if word.startswith("--log-file="))
        Path(log.partition("=")[2]).write_text("")

    monkeypatch.setattr(h2load, "_run", run)
    h2load.flood(f"{stack.url()}/x", 10, 1, 1)
    h2load.flood(f"{stack.url()}/x", 10, 1, 1, {"Authorization": "Bearer own"})
    assert not any("Bearer" in word for word in commands[0])
    assert "--header=Authorization: Bearer own" in commands[1]


def test_a_stack_that_wants_none_gets_none(stack):
    stack.required = False
    assert not enter(stack)
    assert Client(stack.url()).get("/x").json() == {"token": ""}
    assert stack.verbs == []
