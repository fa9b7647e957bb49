"""The command line of the native stack."""

import argparse
import json
import os
import subprocess
import sys

from native import places, processes, settings
from native.console import StackError, fail, good, say, table
from native.stack import Stack

_DESCRIPTION = """\
The whole suite as processes of this machine: nginx, gateways, services, a private PostgreSQL and a private Redis, all
state in one run directory. The machine's own servers are not touched."""

_ENVIRONMENT = """\
environment:
  RUN_DIR      where everything lives (default .run in the checkout); another one is another stack
  HTTP_PORT    nginx's port (default 8080); gateway K listens on HTTP_PORT+K
  GATEWAYS     how many gateways `up` starts (default 3, at most 10)
  LB_STRATEGY  round_robin (default), least_conn or ip_hash
  PRESET       which build to run (default release: build/release/bin); BIN_DIR names a directory instead
  GATEWAY_*, LAB_*, LOOP_*, SERVICE_*, DB_*, PROVIDER_*   are handed to the programs, such as GATEWAY_LOOPS=2

exit status: 0 done and well; 1 something failed, and is named; 3 there is no such stack up"""

_NOT_UP = 3


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

    part = (
        ("part",),
        {
            "help": f"nginx, api-gateway, {', '.join(settings.SERVICES)}, postgres or redis"
        },
    )
    which = (("k",), {"nargs": "?", "help": "which gateway, 1 to 10"})
    as_json = (("--json",), {"action": "store_true", "help": "for machines"})
    verb("up", "start everything, and return when it is healthy; on a stack that is up, adjust it")
    verb("down", "stop everything, nginx first; nothing stays behind but data and logs")
    verb("status", "what runs, and whether it is well", as_json)
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
        "change nginx's strategy, live; without one, tell it",
        (("strategy",), {"nargs": "?", "choices": settings.STRATEGIES}),
    )
    verb("stop", "stop one part, and leave it stopped", part, which)
    verb("start", "start a part that was stopped", part, which)
    verb(
        "restart",
        "restart one part; or all services and gateways in turn, live",
        (("part",), {"nargs": "?", "help": part[1]["help"]}),
        which,
    )
    verb(
        "kill",
        "send a signal to one part, for drills: kill api-gateway 2 KILL, kill postgres TERM",
        part,
        (
            ("rest",),
            {"nargs": "*", "metavar": "[K] [SIGNAL]", "help": "which gateway; the signal (KILL)"},
        ),
    )
    verb("url", "where the stack answers")
    verb("pids", "the main process of each part", as_json)
    verb(
        "psql",
        "PostgreSQL's shell as its superuser: psql users, psql orders -c 'SELECT count(*) FROM orders'",
        (("database",), {"help": f"{', '.join(name for name, _ in settings.DATABASES.values())} or postgres"}),
        (("rest",), {"nargs": argparse.REMAINDER, "help": "further arguments for psql"}),
    )
    verb("reset", "down, and delete the run directory with all its data")
    return parser


def _existing(needs_up=True):
    found = settings.load(settings.run_dir())
    if found is None:
        raise _NoStack(f"there is no stack in {settings.run_dir()}; `make up` starts one")
    stack = Stack(found)
    if needs_up and not stack.supervisor.is_up():
        raise _NoStack(f"the stack in {found.run_dir} is down; `make up` starts it")
    return stack


class _NoStack(StackError):
    pass


def _gateway_number(text):
    if text is None:
        return None
    if not text.isdigit():
        raise StackError(f"{text}: a gateway's number is wanted")
    return int(text)


def up(_):
    found = settings.load(settings.run_dir())
    if found is None or not Stack(found).supervisor.is_up():
        if Stack(settings.from_environment(settings.run_dir())).up():
            return
        found = settings.load(settings.run_dir())
    Stack(found).adjust()


def down(_):
    found = settings.load(settings.run_dir())
    if found is None:
        good("There was nothing up")
        return
    Stack(found).down()


def status(arguments):
    report = _existing().report()
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        rows = [
            (
                part["name"],
                part["state"] if part["healthy"] else f"{part['state']}, NOT WELL",
                part["pid"] or "-",
                f"{part['memoryBytes'] / 2**20:.1f}",
                _duration(part["uptimeSeconds"]),
                part["address"],
            )
            for part in report["parts"]
        ]
        table(rows, ("part", "state", "pid", "MB", "up", "where"))
        total = sum(part["memoryBytes"] for part in report["parts"]) / 2**20
        say(
            f"\n  {report['state']}: {report['url']}, {report['strategy']}, {total:.0f} MB in all, {report['runDir']}"
        )
    if report["state"] != "up":
        sys.exit(1)


def _duration(seconds):
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def logs(arguments):
    where = places.Places(_existing(needs_up=False).settings.run_dir).log
    files = sorted(where.glob("*.log"))
    if arguments.part:
        files = [
            path for path in files if any(path.stem.startswith(part) for part in arguments.part)
        ]
    if not files:
        raise StackError(
            f"no log in {where} is named so; there are: {', '.join(sorted(p.stem for p in where.glob('*.log')))}"
        )
    command = [
        "tail",
        "-n",
        str(arguments.lines),
        *(["-F"] if arguments.follow else []),
        *map(str, files),
    ]
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        sys.exit(0)


def scale(arguments):
    if not 1 <= arguments.count <= settings.MAX_GATEWAYS:
        raise StackError(f"1 to {settings.MAX_GATEWAYS} gateways, not {arguments.count}")
    _existing().scale(arguments.count)


def balance(arguments):
    stack = _existing()
    if arguments.strategy is None:
        print(stack.settings.strategy)
    else:
        stack.balance(arguments.strategy)


def stop(arguments):
    _existing().stop(arguments.part, _gateway_number(arguments.k))


def start(arguments):
    _existing().start(arguments.part, _gateway_number(arguments.k))


def restart(arguments):
    _existing().restart(arguments.part, _gateway_number(arguments.k))


def kill(arguments):
    rest = list(arguments.rest)
    k = int(rest.pop(0)) if rest and rest[0].isdigit() else None
    signal_name = rest.pop(0) if rest else "KILL"
    if rest:
        raise StackError(f"what is {rest[0]}? kill PART [K] [SIGNAL]")
    _existing().kill(arguments.part, k, signal_name)


def url(_):
    print(_existing().settings.url)


def pids(arguments):
    found = _existing().pids()
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, pid in found.items():
            print(f"{name} {pid}")


def psql(arguments):
    stack = _existing()
    environment = {
        **os.environ,
        "PGPASSWORD": stack.places.secret("postgres.password").read_text().strip(),
    }
    os.execvpe(
        "psql",
        [
            "psql",
            "-X",
            "-h",
            str(stack.places.scratch / "postgres"),
            "-U",
            "postgres",
            "-d",
            arguments.database,
            *arguments.rest,
        ],
        environment,
    )


def reset(_):
    found = settings.load(settings.run_dir())
    if found is not None:
        Stack(found).down()
        places.Places(found.run_dir).remove()
        good(f"Removed {found.run_dir}")
    for away in places.away_directories():
        if away.orphaned:
            processes.end(processes.leftovers(away.path, places.Places(away.path)))
            places.remove_tree(away.path)
            say(f"  removed {away.path}, left by a stack whose directory {away.origin} is gone")
    if found is None:
        good("There was nothing to reset")


def main():
    arguments = _parser().parse_args()
    try:
        globals()[arguments.verb](arguments)
    except _NoStack as error:
        fail(error)
        sys.exit(_NOT_UP)
    except StackError as error:
        fail(error)
        sys.exit(1)
    except PermissionError as error:
        fail(f"{error.filename}: permission denied; is this another user's stack?")
        sys.exit(1)
    except KeyboardInterrupt:
        say()
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read this has seen enough, such as `head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
