"""Tokens that scripts sign: what a verifier of ES256 accepts."""

import base64

from scaleout.identity.signing import openssl, parts_of, sign


def _decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _der(number):
    """An INTEGER; its first bit is no sign."""
    digits = number.lstrip(b"\0")
    digits = b"\0" + digits if digits[0] & 0x80 else digits
    return bytes([2, len(digits)]) + digits


def test_a_signature_is_two_numbers_of_32_bytes_that_openssl_verifies(tmp_path):
    key, public, signature = (tmp_path / name for name in ("key.pem", "public.pem", "signature"))
    options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    openssl("genpkey", *options)
    openssl("pkey", "-in", key, "-pubout", "-out", public)
    tokens = [sign(key, {"alg": "ES256"}, {"sub": str(number)}) for number in range(20)]
    for number, token in enumerate(tokens):
        assert parts_of(token) == ({"alg": "ES256"}, {"sub": str(number)})
        signed, _, last = token.rpartition(".")
        raw = _decoded(last)
        assert len(raw) == 64 and "=" not in token
        numbers = _der(raw[:32]) + _der(raw[32:])
        signature.write_bytes(bytes([0x30, len(numbers)]) + numbers)
        command = ("dgst", "-sha256", "-verify", public, "-signature", signature)
        assert b"Verified OK" in openssl(*command, data=signed.encode())


def test_the_same_claims_are_another_token_each_time(tmp_path):
    key = tmp_path / "key.pem"
    options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    openssl("genpkey", *options)
    assert len({sign(key, {}, {}) for _ in range(5)}) == 5
