"""The certificate for HTTPS at nginx: the user's own, or one that is made here, for this machine's
names only and signed by itself. A client trusts it by being given it: curl --cacert.
"""

import os
import subprocess
from pathlib import Path

from scaleout.errors import StackError

_DAYS = 365
_RENEW_SECONDS = 30 * 24 * 3600
_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


def prepare(settings, places):
    """The files of the certificate and of its key, made if need be."""
    if settings.tls_certificate:
        chosen = Path(settings.tls_certificate), Path(settings.tls_key)
        for path in chosen:
            if not os.access(path, os.R_OK):
                raise StackError(f"{path} (TLS_CERTIFICATE, TLS_KEY) is not a readable file")
        return chosen
    certificate, key = places.secret("tls.certificate.pem"), places.secret("tls.key.pem")
    if not (key.exists() and _is_valid(certificate)):
        _make(certificate, key)
    # For clients: the directory of secrets is closed.
    public = places.run_dir / "certificate.pem"
    if not public.exists() or public.read_bytes() != certificate.read_bytes():
        draft = public.with_suffix(".new")
        draft.write_bytes(certificate.read_bytes())
        draft.chmod(0o644)
        draft.rename(public)
    return certificate, key


def _openssl(*arguments):
    return subprocess.run(
        ["openssl", *map(str, arguments)],
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        umask=0o077,
    )


def _is_valid(certificate):
    """Whether it is there, and for a while yet."""
    return (
        _openssl("x509", "-in", certificate, "-noout", "-checkend", _RENEW_SECONDS).returncode == 0
    )


def _make(certificate, key):
    drafts = [path.with_suffix(".new") for path in (certificate, key)]
    try:
        result = _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-sha256", "-days", _DAYS, "-subj", "/CN=localhost"),
            *("-addext", f"subjectAltName={_NAMES}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "keyUsage=critical,digitalSignature"),
            *("-addext", "extendedKeyUsage=serverAuth"),
            *("-out", drafts[0], "-keyout", drafts[1]),
        )
    except FileNotFoundError as error:
        raise StackError("openssl is not installed; `make deps` installs it") from error
    if result.returncode != 0:
        raise StackError("openssl made no certificate", result.stderr.splitlines()[-5:])
    # The key first: without a certificate both are made anew.
    certificate.unlink(missing_ok=True)
    drafts[1].rename(key)
    drafts[0].rename(certificate)
