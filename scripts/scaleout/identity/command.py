"""`scripts/stack.sh token`, `passwords` and `create-admin`."""

import getpass
import sys

from scaleout.console import Console
from scaleout.errors import StackError
from scaleout.identity import users
from scaleout.identity.accounts import ADMIN, CUSTOMER, Accounts, NotGiven


def token(driver, arguments):
    accounts = Accounts(driver, arguments.force)
    print(accounts.token(accounts.find(arguments.user) if arguments.user else CUSTOMER))


def passwords(driver, arguments):
    """Those that were made; the admin's and one customer's are if there is none yet, and if that
    takes no force.
    """
    accounts = Accounts(driver, arguments.force)
    for who in map(accounts.find, arguments.user):
        accounts.get(who)
    for who in (ADMIN, CUSTOMER):
        try:
            Accounts(driver).get(who)
        except NotGiven as error:
            Console().warn(f"left out: {error}")
    for account in accounts.all():
        print(f"{account.email} {account.password}")


def create_admin(driver, arguments):
    email = arguments.email
    reason = users.why_not_first_admin(driver, email)
    if reason and not arguments.force:
        raise StackError(f"{reason}; --force makes {email} an admin all the same")
    users.make_admin(driver, email, arguments.name, _read_password())
    print(f"{email} is an admin")


def _read_password():
    """Typed twice, unseen, or a line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Again: ")
    except EOFError as error:
        raise StackError("no password was typed") from error
    if again != password:
        raise StackError("these are two passwords")
    return password
