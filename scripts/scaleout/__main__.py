"""The command line of a stack: scripts/stack.sh."""

import argparse
import json
import os
import subprocess
import sys

from scaleout.console import Console, fail
from scaleout.driver import connect
from scaleout.driver.native import NativeDriver
from scaleout.errors import NotRunning, StackError
from scaleout.events import command as events_command
from scaleout.identity import command as identity_command
from scaleout.instances import print_instances
from scaleout.money.command import money
from scaleout.native import places, processes, settings
from scaleout.native.stack import Stack
from scaleout.topology import DATABASES, REDIS_SERVERS, SERVICES, STRATEGIES

_DESCRIPTION = """\
The whole suite as processes of this machine: nginx, gateways, services, a private PostgreSQL and
two private Redis servers, all state in one run directory. The machine's own servers are not
touched.

With STACK=compose the verbs from `logs` on handle the stack in containers instead, and
`status` says what its gateways do; `docker compose` starts and stops that one."""

_ENVIRONMENT = """\
environment:
  STACK        native (default) or compose
  RUN_DIR      where everything lives (default .run in the checkout); another one is another stack
  HTTP_PORT    nginx's port (default 8080); gateway K listens on HTTP_PORT+K
  GATEWAYS     how many gateways `up` starts (default 3, at most 10)
  LB_STRATEGY  round_robin (default), least_conn or ip_hash
  PROXY_CACHE  on: nginx stores public answers; off (default)
  TLS_PORT     nginx's port for HTTPS (default 0: none), with RUN_DIR/certificate.pem, which is
               made, or with TLS_CERTIFICATE and TLS_KEY
  EVENTS       on (default); off: services do not reach redis-state, and events wait in the database
  PRESET       which build to run (default release: build/release/bin)
  BIN_DIR      a directory of programs to run instead
  AUTH_MODE    optional (default); required: private routes want a token
  GATEWAY_*, COALESCE*, LAB_*, LOOP_*, REDIS_*, CACHE*, SERVICE_*, DB_*, EVENTS_*, ORDER_*,
  PROVIDER_*, AUTH_*, LOGIN_RATE_*, RATE_LIMIT
               are handed to the programs, such as GATEWAY_LOOPS=2

exit status: 0 done and healthy; 1 something failed, and is named; 3 there is no such stack up"""

_NOT_UP = 3
_CONSOLE = Console()


def _parser():
    parser = argparse.ArgumentParser(
        prog="scripts/stack.sh",
        description=_DESCRIPTION,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name, text, *arguments):
        child = verbs.add_parser(name, help=text, description=text)
        for names, options in arguments:
            child.add_argument(*names, **options)

    parts = ", ".join(("nginx", "api-gateway", *SERVICES, "postgres", *REDIS_SERVERS))
    databases = ", ".join(database for database, _ in DATABASES.values())
    part = (("part",), {"help": parts})
    which = (("k",), {"nargs": "?", "help": "which gateway, from 1"})
    as_json = (("--json",), {"action": "store_true", "help": "for machines"})
    verb("up", "start everything, and return when it is healthy; on a stack that is up, adjust it")
    verb("down", "stop everything, nginx first; only data and logs stay")
    verb("status", "what runs, whether it is healthy, and what each gateway does", as_json)
    verb("pids", "the main process of each part", as_json)
    verb("reset", "down, and delete the run directory with all its data")
    verb(
        "logs",
        "the last lines of all logs, or of some",
        (("part",), {"nargs": "*", "help": "such as nginx or api-gateway-1"}),
        (("-f", "--follow"), {"action": "store_true", "help": "and go on"}),
        (("-n", "--lines"), {"type": int, "default": 10, "help": "how many of each (10)"}),
    )
    verb(
        "scale",
        "change the number of gateways, live",
        (("count",), {"type": int, "metavar": "N", "help": "1 to 10"}),
    )
    verb(
        "balance",
        "change nginx's strategy, live; without one, print it",
        (("strategy",), {"nargs": "?", "choices": STRATEGIES}),
    )
    verb("stop", "stop one part, and leave it stopped", part, which)
    verb("start", "start a part that was stopped", part, which)
    verb(
        "restart",
        "restart one part; or all services and gateways in turn, live",
        (("part",), {"nargs": "?", "help": parts}),
        which,
    )
    signal = {"nargs": "*", "metavar": "[K] [SIGNAL]", "help": "which gateway; the signal (KILL)"}
    verb(
        "kill",
        "send a signal to one part, for drills: kill api-gateway 2 KILL, kill postgres TERM",
        part,
        (("rest",), signal),
    )
    verb("freeze", "suspend every process of one part: it hangs, and nothing breaks", part, which)
    verb("thaw", "let a frozen part go on", part, which)
    server = {"choices": REDIS_SERVERS, "metavar": "part", "help": " or ".join(REDIS_SERVERS)}
    verb("flush", "delete everything that a Redis server holds", (("part",), server))
    verb("purge", "let nginx find none of the answers that it stored (PROXY_CACHE=on)")
    who = "id or address of a user of the demo data, or admin"
    force = {"action": "store_true", "help": "give any user a new password: it ends the sessions"}
    verb(
        "token",
        "print an access token: make -s token | sed 's/^/Authorization: Bearer /' | curl -H @- ...",
        (("user",), {"nargs": "?", "help": f"{who} (user 1)"}),
        (("--force",), force),
    )
    verb(
        "passwords",
        "print addresses and passwords of the lab's admin and of users who have one",
        (("user",), {"nargs": "*", "help": f"whom to give one: {who}"}),
        (("--force",), force),
    )
    verb(
        "create-admin",
        "make the first admin; the password is typed, or a line of standard input",
        (("email",), {}),
        (("name",), {"nargs": "?", "default": "Admin"}),
        (("--force",), {"action": "store_true", "help": "one more, or of a user who is there"}),
    )
    verb(
        "rotate-keys",
        "sign tokens with a new key, live; tokens of the old one are good until the next rotation",
        (("--drop-old",), {"action": "store_true", "help": "refuse those of the old key now"}),
    )
    verb("url", "where the stack answers")
    verb("instances", "the gateways behind nginx, an instance id a line")
    verb(
        "psql",
        "PostgreSQL's shell as its superuser: psql orders -c 'SELECT count(*) FROM orders'",
        (("database",), {"help": f"{databases} or postgres"}),
        (("rest",), {"nargs": argparse.REMAINDER, "help": "further arguments for psql"}),
    )
    events_command.add_arguments(
        verbs.add_parser("events", help="events on their way, and dead letters: look, redrive"),
        argparse.RawDescriptionHelpFormatter,
    )
    verb("money", "whether orders, payments and the payment provider's ledger agree")
    return parser


def _gateway_number(text):
    if text is None:
        return None
    if not text.isdigit():
        raise StackError(f"{text}: a gateway's number is wanted")
    return int(text)


# Verbs of the native stack alone.


def up(driver, _):
    found = settings.load(settings.run_dir())
    if found is None or not Stack(found, _CONSOLE).supervisor.is_up():
        if Stack(settings.from_environment(settings.run_dir()), _CONSOLE).up():
            return
    driver.stack(needs_up=False).adjust()


def down(driver, _):
    if settings.load(settings.run_dir()) is None:
        _CONSOLE.done("There was nothing up")
    else:
        driver.stack(needs_up=False).down()


def status(driver, arguments):
    if not isinstance(driver, NativeDriver):
        if arguments.json:
            raise StackError("`docker compose ps --format json` has that of containers")
        print_instances(_CONSOLE, driver.url())
        return
    report = driver.stack().parts.report()
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        _print_status(report)
        print_instances(_CONSOLE, report["url"])
    if report["state"] != "up":
        sys.exit(1)


def _print_status(report):
    rows = [
        (
            part["name"],
            part["state"] if part["healthy"] else f"{part['state']}, NOT HEALTHY",
            part["pid"] or "-",
            f"{part['memoryBytes'] / 2**20:.1f}",
            _duration(part["uptimeSeconds"]),
            part["address"],
        )
        for part in report["parts"]
    ]
    _CONSOLE.table(("part", "state", "pid", "MB", "up", "where"), rows)
    total = sum(part["memoryBytes"] for part in report["parts"]) / 2**20
    where = f"{report['url']}, {report['strategy']}, {total:.0f} MB in all, {report['runDir']}"
    _CONSOLE.say(f"\n  {report['state']}: {where}")


def _duration(seconds):
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def pids(driver, arguments):
    found = driver.stack().parts.pids()
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, pid in found.items():
            print(f"{name} {pid}")


def reset(driver, _):
    found = settings.load(settings.run_dir())
    if found is not None:
        driver.stack(needs_up=False).down()
        places.Places(found.run_dir).remove()
        _CONSOLE.done(f"Removed {found.run_dir}")
    for away in places.away_directories():
        if away.orphaned:
            processes.end(processes.leftovers(away.path, places.Places(away.path)))
            places.remove_tree(away.path)
            _CONSOLE.say(f"  removed {away.path}, of a stack whose directory {away.origin} is gone")
    if found is None:
        _CONSOLE.done("There was nothing to reset")


# Verbs of every driver.


def logs(driver, arguments):
    command = driver.logs_command(arguments.part, arguments.lines, arguments.follow)
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        sys.exit(0)


def scale(driver, arguments):
    driver.scale(arguments.count)


def balance(driver, arguments):
    if arguments.strategy is None:
        print(driver.strategy())
    else:
        driver.balance(arguments.strategy)


def stop(driver, arguments):
    driver.stop(arguments.part, _gateway_number(arguments.k))


def start(driver, arguments):
    driver.start(arguments.part, _gateway_number(arguments.k))


def restart(driver, arguments):
    driver.restart(arguments.part, _gateway_number(arguments.k))


def kill(driver, arguments):
    rest = list(arguments.rest)
    k = int(rest.pop(0)) if rest and rest[0].isdigit() else None
    signal_name = rest.pop(0) if rest else "KILL"
    if rest:
        raise StackError(f"what is {rest[0]}? kill PART [K] [SIGNAL]")
    driver.kill(arguments.part, k, signal_name)


def freeze(driver, arguments):
    driver.freeze(arguments.part, _gateway_number(arguments.k))


def thaw(driver, arguments):
    driver.thaw(arguments.part, _gateway_number(arguments.k))


def flush(driver, arguments):
    driver.flush(arguments.part)


def purge(driver, _):
    driver.purge()


def rotate_keys(driver, arguments):
    if not driver.rotate_keys(arguments.drop_old):
        _CONSOLE.warn("  this ended a rotation that had broken off; run it again for another key")


def url(driver, _):
    print(driver.url())


def instances(driver, _):
    print("\n".join(driver.instances()))


def events(driver, arguments):
    events_command.run(driver, arguments, _CONSOLE)


def psql(driver, arguments):
    interactive = sys.stdin.isatty()
    command, environment = driver.psql_command(arguments.database, interactive)
    os.execvpe(command[0], [*command, *arguments.rest], environment or os.environ)


_NATIVE_ONLY = (up, down, pids, reset)
_VERBS = {
    verb.__name__.replace("_", "-"): verb
    for verb in (
        *_NATIVE_ONLY,
        *(
            status,
            logs,
            scale,
            balance,
            stop,
            start,
            restart,
            kill,
            freeze,
            thaw,
            flush,
            purge,
            rotate_keys,
            identity_command.token,
            identity_command.passwords,
            identity_command.create_admin,
            url,
            instances,
            events,
            money,
            psql,
        ),
    )
}


def _driver_for(verb):
    if os.environ.get("STACK", "native") in ("", "native"):
        return NativeDriver(console=_CONSOLE)
    if verb in _NATIVE_ONLY:
        raise StackError(f"{verb.__name__} is for the native stack; `docker compose` has its own")
    return connect()


def main():
    arguments = _parser().parse_args()
    verb = _VERBS[arguments.verb]
    try:
        verb(_driver_for(verb), arguments)
    except StackError as error:
        fail("stack", error)
        sys.exit(_NOT_UP if isinstance(error, NotRunning) else 1)
    except PermissionError as error:
        fail("stack", f"{error.filename}: permission denied; is this another user's stack?")
        sys.exit(1)
    except KeyboardInterrupt:
        _CONSOLE.say()
        sys.exit(130)
    except BrokenPipeError:
        # The reader, such as `head`, has closed its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
