"""Enters a stack that wants tokens (AUTH_MODE=required): then every client of `scaleout.load` in
this process acts as the lab's admin there, who may do what anyone may where tokens are optional.

A thread renews the token in time, beside whatever goes on, so that no request waits for that.
"""

import threading
import urllib.parse

from scaleout.errors import StackError
from scaleout.identity import bearer
from scaleout.identity.accounts import ADMIN, Accounts
from scaleout.load.client import Client

_RENEW_SECONDS = 30
_AGAIN_SECONDS = 1
_PRIVATE = "/api/users/1"


def enter(driver):
    """Whether it wants tokens."""
    if not take_token(driver):
        return False
    threading.Thread(target=_renew, args=(driver,), daemon=True).start()
    return True


def take_token(driver):
    """The same, with one token, which is good for five minutes at least."""
    if Client(driver.url(), anonymous=True).get(_PRIVATE).status != 401:
        return False
    _use_token(driver)
    return True


def _use_token(driver):
    ports = [urllib.parse.urlsplit(url).port for url in driver.doors()]
    bearer.use(ports, Accounts(driver).token(ADMIN))


def _renew(driver):
    pause = threading.Event()
    seconds = _RENEW_SECONDS
    while not pause.wait(seconds):
        try:
            _use_token(driver)
            seconds = _RENEW_SECONDS
        except (StackError, OSError):
            # Whatever a drill has just broken; the token at hand is good for minutes.
            seconds = _AGAIN_SECONDS
