"""The keys of access tokens: the user service signs with one, gateways verify with its public half.

The user service makes them. Their files are beside the passwords; each program is given the name of
its own. A rotation needs both public keys at the gateways before the first token is signed by the
new key: `prepare_next`, new gateways, `take_next`, a new user service, `end_rotation`. The old
public key stays until the rotation after that, or until `drop_old`, because tokens that it verifies
live on. A rotation that broke off is repeated from its beginning, and makes no other key then.
"""

import os
import subprocess
from pathlib import Path

from scaleout.errors import StackError
from scaleout.native.programs import settings_of

_SIGNING_KEY, _PUBLIC_KEYS = "AUTH_SIGNING_KEY", "AUTH_PUBLIC_KEYS"
# A service that knows nothing of keys is older than they are.
_SIGNER = "user-service"


class Keys:
    def __init__(self, settings, places):
        self._bin_dir = Path(settings.bin_dir)
        self._signing_key = places.secret("signing-key.pem")
        self._next = places.secret("signing-key.next.pem")
        # Is there from before the next key is taken until the service that runs has it, too.
        self._taken = places.secret("signing-key.taken")
        self._public_keys = places.secret("public-keys.pem")

    @property
    def are_known(self):
        """Whether the programs want keys."""
        return _SIGNING_KEY in settings_of(self._bin_dir / _SIGNER)

    def variables_of(self, program):
        """What the program has to know of the keys."""
        if not self.are_known:
            return {}
        known = settings_of(self._bin_dir / program)
        files = {_SIGNING_KEY: self._signing_key, _PUBLIC_KEYS: self._public_keys}
        return {f"{name}_FILE": path for name, path in files.items() if name in known}

    def prepare(self):
        """Makes what is missing, for a stack that is about to start."""
        if not self.are_known:
            return
        if not self._signing_key.exists():
            # First, so that never one is beside the key of another.
            self._public_keys.unlink(missing_ok=True)
            _write(self._signing_key, self._ask("--make-signing-key"))
        if not self._public_keys.exists():
            _write(self._public_keys, self._public_half(self._signing_key))
        # The service will start with the key that there is.
        self._taken.unlink(missing_ok=True)

    def prepare_next(self):
        """Makes the next key, unless a rotation has made it and then broke off. False if it was
        even taken: then another one would leave gateways without that of the service that runs.
        """
        if self._taken.exists():
            return False
        if not self._next.exists():
            _write(self._next, self._ask("--make-signing-key"))
        halves = [self._public_half(key) for key in (self._signing_key, self._next)]
        _write(self._public_keys, "".join(halves))
        return True

    def take_next(self):
        self._taken.touch(mode=0o600)
        if self._next.exists():
            self._next.rename(self._signing_key)

    def end_rotation(self):
        """The service that runs signs with the key that was taken."""
        self._taken.unlink()

    def drop_old(self):
        """Leaves the gateways the one public key that tokens are signed for now."""
        if self._next.exists() or self._taken.exists():
            raise StackError("a rotation of the keys has not ended; `rotate-keys` ends it")
        _write(self._public_keys, self._public_half(self._signing_key))

    def _public_half(self, key):
        return self._ask("--public-key", AUTH_SIGNING_KEY_FILE=str(key))

    def _ask(self, verb, **variables):
        result = subprocess.run(
            [str(self._bin_dir / _SIGNER), verb],
            env=variables,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if result.returncode != 0 or "-----BEGIN" not in result.stdout:
            raise StackError(f"{_SIGNER} {verb} failed", result.stderr.splitlines()[-5:])
        return result.stdout


def _write(path, text):
    """All of it or nothing, and for its owner alone."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
