"""Accounts of one stack that scripts log in with: their passwords and tokens, in one file that only
its owner can read.

A password is made when it is first needed, and set by a verb of the user service, which ends the
user's sessions: so only users of the demo data and the lab's admin are given one, unless the caller
insists. The lab's admin is made where there is no admin yet; beside another one, if the caller
insists. A token is kept until it is about to expire, because a login costs the user service 25 ms
of CPU time and is limited in rate. Then comes another login: a refresh token whose answer a drill
has lost would end the session when it is used again.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import time
from pathlib import Path

from scaleout.errors import StackError
from scaleout.identity import users
from scaleout.load.client import Client

ADMIN, _ADMIN_NAME = "admin@example.com", "Lab Admin"
# An address of the demo data, and its id, which no other user gets.
_OF_DEMO_DATA = "id <= 1000 AND email = format('user%s@example.com', id)"
# Of the demo data; whom a caller gets who does not say whom.
CUSTOMER = "user1@example.com"
# A token with less left is replaced.
_LEAST_SECONDS = 300


class NotGiven(StackError):
    """The user has no password that scripts know, and is given none."""


@dataclasses.dataclass
class Account:
    email: str
    password: str
    access_token: str = ""
    expires: float = 0.0  # of the access token, in seconds of the epoch, by this machine's clock


class Accounts:
    def __init__(self, driver, force=False):
        """With `force` a user of any address is given a password, in place of the own one, and the
        lab's admin is made beside another one.
        """
        self._driver = driver
        self._force = force
        self._client = Client(driver.url(), users.TIMEOUT_SECONDS, anonymous=True)

    @property
    def _file(self):
        return Path(self._driver.secrets_dir()) / "accounts.json"

    def all(self):
        """Those that have a password by now."""
        try:
            found = json.loads(self._file.read_text())
        except FileNotFoundError:
            return []
        return [Account(**fields) for fields in found]

    def find(self, who):
        """The address of a user, by id or address; `admin` is the lab's."""
        if who.lower() in ("admin", ADMIN):
            return ADMIN
        text = users.quoted(who)
        wanted = f"id::text = {text} OR lower(email) = lower({text})"
        found = self._driver.psql("users", f"SELECT email FROM users WHERE {wanted}")
        if not found:
            raise StackError(f"there is no user with the id or address {who}")
        return found.splitlines()[0]

    def get(self, email):
        """The account, with a password that works unless it was changed meanwhile."""
        with self._locked() as accounts:
            return self._get(accounts, email)

    def token(self, email):
        """An access token that is good for five minutes at least."""
        with self._locked() as accounts:
            account = self._get(accounts, email)
            left = account.expires - time.time()
            if left < _LEAST_SECONDS or self._is_refused(account):
                self._renew(account)
            return account.access_token

    def log_in(self, email):
        """The answer to a login of its own, which is not kept."""
        with self._locked() as accounts:
            return self._log_in(self._get(accounts, email))

    @contextlib.contextmanager
    def _locked(self):
        """All accounts by address, for changes; they are stored at the end of the block."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._file.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            accounts = {account.email: account for account in self.all()}
            try:
                yield accounts
            finally:
                self._store(accounts.values())

    def _store(self, accounts):
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump([dataclasses.asdict(account) for account in accounts], file, indent=2)
        draft.rename(self._file)

    def _get(self, accounts, email):
        if email not in accounts:
            accounts[email] = Account(email, self._give_password(email))
        return accounts[email]

    def _give_password(self, email):
        password = secrets.token_urlsafe(18)
        if email == ADMIN and not users.is_admin(self._driver, ADMIN):
            self._make_admin(password)
            return password
        if not users.exists(self._driver, email):
            raise NotGiven(f"there is no user with the address {email}")
        of_scripts = email == ADMIN or users.exists(self._driver, email, _OF_DEMO_DATA)
        if not of_scripts and not self._force:
            raise NotGiven(
                f"{email} is no user of the demo data: a new password would replace the user's own "
                "and end all sessions; --force (FORCE=1) does that"
            )
        self._driver.user_service("--set-password", f"--email={email}", typed=f"{password}\n")
        return password

    def _make_admin(self, password):
        reason = users.why_not_first_admin(self._driver, ADMIN)
        if reason and not self._force:
            raise NotGiven(
                f"{ADMIN}, as whom scripts log in, is no admin here and is not made one: {reason}; "
                "`scripts/stack.sh token --force admin` makes it one all the same"
            )
        users.make_admin(self._driver, ADMIN, _ADMIN_NAME, password)

    def _is_refused(self, account):
        """No answer says nothing of the token."""
        headers = {"Authorization": f"Bearer {account.access_token}"}
        return self._client.get("/api/auth/me", headers).status == 401

    def _renew(self, account):
        answer = self._log_in(account)
        if answer.status != 200:
            # The document says why, and holds no secret.
            raise StackError(f"no token for {account.email}: {answer}")
        said = answer.json()
        account.access_token = said["accessToken"]
        account.expires = time.time() + said["expiresIn"]

    def _log_in(self, account):
        answer = self._try_to_log_in(account)
        if answer.status == 401:
            # The data is not the one that the password was set in.
            account.password = self._give_password(account.email)
            answer = self._try_to_log_in(account)
        return answer

    def _try_to_log_in(self, account):
        body = {"email": account.email, "password": account.password}
        return self._client.post("/api/auth/login", body)
