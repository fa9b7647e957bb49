"""`scripts/stack.sh token` and `passwords`."""

from scaleout.identity.accounts import ADMIN, CUSTOMER, Accounts


def token(driver, arguments):
    accounts = Accounts(driver, arguments.force)
    print(accounts.token(accounts.find(arguments.user) if arguments.user else CUSTOMER))


def passwords(driver, arguments):
    """Those that were made; the admin's and one customer's are if there is none yet."""
    accounts = Accounts(driver, arguments.force)
    for who in (ADMIN, CUSTOMER, *map(accounts.find, arguments.user)):
        accounts.get(who)
    for account in accounts.all():
        print(f"{account.email} {account.password}")
