"""Access tokens as the user service would not make them, from one that it made: other claims under
the right signature, and wrong signatures.
"""

import hashlib
import hmac
import time

from scaleout.identity.signing import encode, openssl, part, parts_of, sign


class Forger:
    """`key` is a file with a private key, and `token` a good one that it signed."""

    def __init__(self, key, token):
        self._key = key
        self.header, self.claims = parts_of(token)

    def make(self, header=None, **claims):
        """Signed as it should be; a claim that is None is left out."""
        changed = {
            name: value for name, value in {**self.claims, **claims}.items() if value is not None
        }
        return sign(self._key, header or self.header, changed)

    def with_another_key(self, directory):
        """The header says that it is ours."""
        other = directory / "other.pem"
        options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
        openssl("genpkey", *options)
        return Forger(other, self.make()).make()

    def without_signature(self):
        return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(self.claims)}."

    def with_the_public_key_as_a_secret(self):
        """What a verifier that believes the header takes for a good HMAC."""
        secret = openssl("pkey", "-in", self._key, "-pubout")
        signed = f"{part({**self.header, 'alg': 'HS256'})}.{part(self.claims)}"
        return f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def of_an_unknown_key(self):
        return self.make(header={**self.header, "kid": encode(hashlib.sha256(b"?").digest())})

    def with_changed_claims(self):
        """The signature is that of other claims."""
        head, _, signature = self.make().split(".")
        return f"{head}.{part({**self.claims, 'role': 'admin'})}.{signature}"

    def all(self, directory):
        """Every wrong token, by what is wrong with it."""
        now = int(time.time())
        return {
            "garbage": "garbage",
            "three empty parts": "..",
            "expired": self.make(iat=now - 2000, exp=now - 1100),
            "never expires": self.make(exp=None),
            "lives too long": self.make(exp=now + 30 * 24 * 3600),
            "not yet valid": self.make(iat=now + 3600, exp=now + 4500),
            "wrong issuer": self.make(iss="elsewhere"),
            "wrong audience": self.make(aud="elsewhere"),
            "no session": self.make(sid=None),
            "unknown role": self.make(role="root"),
            "alg none": self.without_signature(),
            "HS256 with the public key": self.with_the_public_key_as_a_secret(),
            "unknown kid": self.of_an_unknown_key(),
            "another key": self.with_another_key(directory),
            "changed claims": self.with_changed_claims(),
        }
