"""Where a stack's files are, and who owns them.

Everything is below RUN_DIR, with two exceptions, each reached through a symbolic link there:
`scratch` (sockets and nginx's temporary files) moves to /tmp where RUN_DIR's path is too long for a
socket (107 bytes) or where nginx's or PostgreSQL's user cannot enter; the database cluster moves to
/var/tmp where PostgreSQL's user cannot enter RUN_DIR. Each carries a file `origin` that names its
run directory, so that `make reset` finds them.
"""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from scaleout.errors import StackError

# "postgres/.s.PGSQL.5432" and supervisord's "supervisor.sock.<pid>" are the longest names in
# scratch.
_SCRATCH_PATH_MAX = 107 - len("/supervisor.sock.4194304")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_PREFIX = "scaleout-"


def postgres_account():
    """The account that PostgreSQL runs as: it refuses root, so for root another one is chosen.
    None: the caller's.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StackError(
        "PostgreSQL cannot run as root, and there is neither a user postgres nor a user nobody"
    )


def nginx_account():
    """The account that nginx's workers run as, likewise."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_account(account):
    """Arguments for subprocess that run a program as `account`."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _can_enter(directory, account):
    if account is None:
        return True
    return (
        subprocess.run(
            ["/usr/bin/test", "-x", str(directory)], cwd="/", check=False, **as_account(account)
        ).returncode
        == 0
    )


class Places:
    def __init__(self, run_dir):
        self.run_dir = Path(run_dir)
        self.log = self.run_dir / "log"
        self.secrets = self.run_dir / "secrets"
        self.nginx = self.run_dir / "nginx"
        self.lock = self.run_dir / "lock"
        self._scratch_link = self.run_dir / "scratch"
        self._postgres_link = self.run_dir / "postgres"

    @property
    def scratch(self):
        return self._scratch_link.resolve()

    @property
    def postgres_data(self):
        return self._postgres_link.resolve()

    def claim(self):
        """Makes the run directory itself, so that there is a lock to hold."""
        self.run_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self.run_dir.stat().st_uid != os.geteuid():
            raise StackError(f"{self.run_dir} belongs to another user; choose another RUN_DIR")

    def create(self):
        """Makes what is missing; what a reboot swept from /tmp is made again."""
        for directory in (self.log, self.nginx):
            directory.mkdir(mode=0o755, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        account = postgres_account()
        self._create_scratch(account)
        self._create_postgres_data(account)

    def _create_scratch(self, account):
        self._drop_dead_link(self._scratch_link)
        if not self._scratch_link.exists():
            path = str(self._scratch_link)
            plain = len(path) <= _SCRATCH_PATH_MAX and _PLAIN_PATH.fullmatch(path)
            guests = (account, nginx_account())
            if plain and all(_can_enter(self.run_dir, guest) for guest in guests):
                self._scratch_link.mkdir()
            else:
                self._scratch_link.symlink_to(self._make_away("/tmp"))
        # The sockets' own modes say who may connect; nginx's workers have to pass through.
        self.scratch.chmod(0o711 if account else 0o700)
        (self.scratch / "nginx").mkdir(exist_ok=True)
        sockets = self.scratch / "postgres"
        sockets.mkdir(exist_ok=True)
        if account:
            os.chown(sockets, account.pw_uid, account.pw_gid)

    def _create_postgres_data(self, account):
        self._drop_dead_link(self._postgres_link)
        if not self._postgres_link.exists():
            if _can_enter(self.run_dir, account):
                self._postgres_link.mkdir(mode=0o700)
            else:
                away = self._make_away("/var/tmp")
                (away / "postgres").mkdir(mode=0o700)
                self._postgres_link.symlink_to(away / "postgres")
            if account:
                os.chown(self.postgres_data, account.pw_uid, account.pw_gid)
        owner = self.postgres_data.stat().st_uid
        if owner != (account.pw_uid if account else os.geteuid()):
            raise StackError(
                f"the database in {self._postgres_link} belongs to user {owner}: another "
                "user's stack made it; `make reset` (as that user) removes it"
            )

    def _make_away(self, parent):
        away = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        away.chmod(0o711)
        (away / "origin").write_text(f"{self.run_dir}\n")
        return away

    @staticmethod
    def _drop_dead_link(link):
        if link.is_symlink() and not link.exists():
            link.unlink()

    def secret(self, name):
        return self.secrets / name

    def make_secret(self, owner):
        """A random password in a file that only its owner ever could read; an existing one is
        kept.
        """
        path = self.secret(f"{owner}.password")
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(24) + "\n")

    def remove(self):
        """Deletes RUN_DIR and what it links to."""
        for away in away_directories():
            if away.origin == self.run_dir:
                remove_tree(away.path)
        remove_tree(self.run_dir)


def remove_tree(path):
    # A program may just be writing its last file.
    for _ in range(3):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
    shutil.rmtree(path)


class AwayDirectory:
    def __init__(self, path, origin):
        self.path = path
        self.origin = origin

    @property
    def orphaned(self):
        return not self.origin.exists()


def away_directories():
    """The caller's directories outside of any RUN_DIR."""
    found = []
    for parent in ("/tmp", "/var/tmp"):
        for path in Path(parent).glob(_PREFIX + "*"):
            try:
                if not path.is_symlink() and path.stat().st_uid == os.geteuid():
                    found.append(AwayDirectory(path, Path((path / "origin").read_text().strip())))
            except OSError:
                continue
    return found
