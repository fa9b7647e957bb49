"""What scripts ask of a stack's users in their database, and how the owner of a stack makes an
admin: the first one by a verb of the user service, and another one, where no admin's token is at
hand, by writing the role into the database.
"""

from scaleout.errors import StackError
from scaleout.load.client import Client

# A registration waits for its turn at argon2.
TIMEOUT_SECONDS = 15
_REGISTER = "/api/auth/register"
_IS_ADMIN = "role = 'admin'"


def quoted(text):
    """As SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def exists(driver, email, condition="true"):
    wanted = f"lower(email) = lower({quoted(email)}) AND {condition}"
    return bool(driver.psql("users", f"SELECT 1 FROM users WHERE {wanted}"))


def is_admin(driver, email):
    return exists(driver, email, _IS_ADMIN)


def why_not_first_admin(driver, email):
    """What is in the way of making the user of that address the first admin; empty: nothing."""
    if driver.psql("users", f"SELECT 1 FROM users WHERE {_IS_ADMIN} LIMIT 1"):
        return "there is an admin already"
    return f"{email} is a customer's address" if exists(driver, email) else ""


def make_admin(driver, email, name, password):
    """The first admin, or else another one. A user who is there already keeps its name."""
    if why_not_first_admin(driver, email):
        _make_customer(driver, email, name, password)
        wanted = f"lower(email) = lower({quoted(email)})"
        role = f"{_IS_ADMIN}, updated_at = now()"
        driver.psql("users", f"UPDATE users SET {role} WHERE {wanted}")
    else:
        verb = ("--create-admin", f"--email={email}", f"--name={name}")
        driver.user_service(*verb, typed=f"{password}\n")


def _make_customer(driver, email, name, password):
    """With that password and no session: another's must not get the role that follows."""
    body = {"email": email, "name": name, "password": password}
    answer = Client(driver.url(), TIMEOUT_SECONDS, anonymous=True).post(_REGISTER, body)
    if answer.status == 409:
        driver.user_service("--set-password", f"--email={email}", typed=f"{password}\n")
    elif answer.status != 201:
        raise StackError(f"{email} could not be registered: {answer}")
