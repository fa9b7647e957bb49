"""What `scripts/stack.sh events` prints, and what it does about dead letters and groups."""

import concurrent.futures
import datetime
import json
import time

from scaleout.errors import NotRunning, StackError
from scaleout.events.databases import Databases, letter_id, service_of
from scaleout.events.streams import SERVER, Streams, key_of
from scaleout.topology import SERVICES

_LISTED = 100
_ERROR_COLUMNS = 72
# The service looks once a second for what is to be tried again.
_REDRIVE_SECONDS = 30
_REDRIVE_POLL_SECONDS = 0.2
# A reader asks several times a second; one that has not for so long is gone.
_READS_NOW_MS = 60_000
_DESCRIPTION = """\
Events between the services: without a further word what is on its way, in the databases of the
services that publish and in the streams on redis-state, and what was given up."""
_EPILOG = """\
entries      of the stream on redis-state that not every group has acknowledged
unpublished  rows of the publisher's outbox that are not in the stream; the age of the oldest
lag          entries that a group of consumers has not been given yet
pending      entries that it was given and has not acknowledged; how long the oldest has been idle
dead         given up after ten failures, and kept; `redrive` has the service try them once more
failing      failed, and will be tried again by itself"""


def add_arguments(parser, formatter):
    parser.description, parser.epilog, parser.formatter_class = _DESCRIPTION, _EPILOG, formatter
    whats = parser.add_subparsers(dest="what", metavar="WHAT")

    def what(name, text, *arguments):
        child = whats.add_parser(name, help=text, description=text)
        for argument, options in arguments:
            child.add_argument(argument, **options)

    service = ("service", {"help": f"whose database: {', '.join(SERVICES)}"})
    number = ("number", {"metavar": "ID", "help": "of the dead letter"})
    what("dead", "list dead letters", ("service", {"nargs": "?", "help": "of this service alone"}))
    what("show", "one dead letter: fields, payload, error", service, number)
    what(
        "redrive",
        "have a service try a dead letter once more, or all of its own, and say what came of it",
        service,
        ("number", {"metavar": "ID|all", "help": "of the dead letter"}),
    )
    what(
        "drop-group",
        "remove a group that no service reads any more, so that its stream no longer waits for it; "
        "one that the publisher declares comes back, with all that the stream has",
        ("stream", {"help": "such as payment"}),
        ("group", {"help": "such as order-service"}),
    )


def run(driver, arguments, console):
    if arguments.what is None:
        _overview(driver, console)
    elif arguments.what == "dead":
        _dead(driver, arguments.service, console)
    elif arguments.what == "show":
        service = service_of(arguments.service)
        _show(Databases(driver), service, letter_id(arguments.number), console)
    elif arguments.what == "redrive":
        service = service_of(arguments.service)
        number = None if arguments.number == "all" else letter_id(arguments.number)
        _redrive(Databases(driver), service, number, console)
    else:
        _drop_group(Streams(driver), arguments.stream, arguments.group, console)


# What is on its way


def _overview(driver, console):
    """What does not answer is said, and the rest is shown all the same."""
    databases, silent = Databases(driver), []
    outboxes, failed = _of_every_service(databases.outbox)
    inboxes, _ = _of_every_service(databases.inbox)
    if len(failed) == len(SERVICES):
        driver.url()  # or there is no stack at all
        error = failed[SERVICES[0]]
        raise StackError(f"PostgreSQL does not answer: {_first_line(error)}")
    for service, error in failed.items():
        silent.append(f"{service}'s database")
        console.warn(f"  {service}'s database does not answer: {_first_line(error)}")
    kinds = [row["kind"] for rows in outboxes.values() for row in rows]
    streams = {}
    try:
        streams = Streams(driver).look(kinds)
    except NotRunning:
        raise
    except StackError as error:
        silent.append(SERVER)
        console.warn(f"  {_first_line(error)}: this is what the databases know")
    if kinds:
        _print_streams(outboxes, streams, console)
    elif not silent:
        console.say("  no service has published an event yet")
    given_up = _print_inboxes(inboxes, console)
    if silent:
        raise StackError(f"{' and '.join(silent)} did not answer")
    if not kinds and not given_up:
        return
    _sum_up(outboxes, streams, given_up, console)


def _of_every_service(ask):
    """The answers and the errors, by service."""
    with concurrent.futures.ThreadPoolExecutor(len(SERVICES)) as threads:
        asked = {service: threads.submit(ask, service) for service in SERVICES}
    answers, errors = {}, {}
    for service, answer in asked.items():
        try:
            answers[service] = answer.result()
        except NotRunning:
            raise
        except StackError as error:
            errors[service] = error
    return answers, errors


def _print_streams(outboxes, streams, console):
    rows = []
    for service, kinds in outboxes.items():
        for row in kinds:
            stream = streams.get(row["kind"])
            groups = stream["groups"] if stream else []
            head = (
                row["kind"],
                service,
                stream["length"] if stream else "-",
                row["unpublished"],
                _age(row["oldest"]),
            )
            for index, group in enumerate(groups or [None]):
                rows.append((*(head if index == 0 else ("",) * len(head)), *_cells(group)))
    columns = ("stream", "published by", "entries", "unpublished", "oldest")
    groups = ("group", "consumers", "lag", "pending", "idle")
    console.table((*columns, *groups), rows)


def _cells(group):
    if group is None:
        return ("-",) * 5
    lag = "?" if group["lag"] is None else group["lag"]
    idle = None if group["idle"] is None else group["idle"] / 1000
    return (_plain(group["name"]), len(group["readers"]), lag, group["pending"], _age(idle))


def _print_inboxes(inboxes, console):
    """How many were given up."""
    rows = [
        (service, row["consumer"], row["dead"], row["failing"])
        for service, found in inboxes.items()
        for row in found
    ]
    if rows:
        console.say()
        console.table(("database of", "consumer", "dead", "failing"), rows)
    return sum(row[2] for row in rows)


def _sum_up(outboxes, streams, given_up, console):
    unpublished = sum(row["unpublished"] for rows in outboxes.values() for row in rows)
    behind = {
        (kind, group["name"]): (group["lag"] or 0) + group["pending"]
        for kind, stream in streams.items()
        for group in stream["groups"]
    }
    console.say()
    if given_up:
        console.warn(f"  {_counted(given_up, 'dead letter')}: scripts/stack.sh events dead")
    if unpublished or any(behind.values()):
        console.say(
            f"  {_counted(unpublished, 'event')} not published, "
            f"{sum(behind.values())} not acknowledged"
        )
        (kind, group), most = max(behind.items(), key=lambda each: each[1], default=((0, 0), 0))
        if unpublished and most:
            console.say(f"  the most of {kind} wait for the group {_plain(group)}: {most}")
    else:
        console.done("  Nothing is on its way")


# Dead letters


def _dead(driver, name, console):
    databases = Databases(driver)
    services = SERVICES if name is None else (service_of(name),)
    counts = {service: sum(row["dead"] for row in databases.inbox(service)) for service in services}
    if not any(counts.values()):
        console.done(f"No dead letters{f' of {services[0]}' if name else ''}")
        return
    rows = [
        (
            service,
            letter["id"],
            letter["died"],
            _plain(letter["consumer"]),
            _plain(letter["type"]),
            _plain(dict(_fields(letter)).get("key", "-")),
            letter["attempts"],
            "to be tried again" if letter["redriven"] else _short(letter["error"]),
        )
        for service in services
        for letter in databases.letters(service, _LISTED)
    ]
    columns = ("database of", "id", "died (UTC)", "consumer", "type", "of", "attempts", "error")
    console.table(columns, rows)
    if sum(counts.values()) > len(rows):
        console.say(f"  ... {sum(counts.values()) - len(rows)} more")


def _show(databases, service, number, console):
    letter = databases.letter(service, number)
    console.say(console.paint(f"Dead letter {number} of {service}", "1"))
    rows = [
        ("type", letter["type"]),
        ("stream", f"{letter['stream']}, entry {letter['entry']}"),
        ("consumer", letter["consumer"]),
        ("attempts", letter["attempts"]),
        ("died", f"{letter['died']} UTC"),
        *([("redrive", f"waits since {letter['redriven']} UTC")] if letter["redriven"] else []),
        ("error", letter["error"]),
    ]
    fields = _fields(letter)
    rows += [(f"  {name}", _when(name, text)) for name, text in fields if name != "data"]
    for name, text in rows:
        console.say(f"  {_plain(name):<10} {_plain(text)}".rstrip())
    for name, text in fields:
        if name == "data":
            console.say("  payload")
            _print_payload(text, console)


def _print_payload(text, console):
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        console.say("    (no JSON)")
    for line in text.splitlines():
        console.say(f"    {_plain(line)}")


def _fields(letter):
    """Of the entry, in its order: pairs, whichever way JSON has them."""
    found = letter["fields"]
    if isinstance(found, dict):
        return [(name, str(text)) for name, text in found.items()]
    if all(isinstance(each, list) and len(each) == 2 for each in found):
        return [(str(name), str(text)) for name, text in found]
    return list(zip(map(str, found[::2]), map(str, found[1::2])))


def _when(name, text):
    """`at` is in microseconds."""
    if name == "at" and text.isascii() and text.isdigit() and len(text) <= 17:
        moment = datetime.datetime.fromtimestamp(int(text) / 1e6, datetime.timezone.utc)
        return f"{text} ({moment:%Y-%m-%d %H:%M:%S.%f} UTC)"
    return text


def _redrive(databases, service, number, console):
    asked = databases.redrive(service, number)
    if not asked:
        if number is not None:
            raise StackError(f"{service} has no dead letter {number}")
        console.done(f"No dead letters of {service}")
        return
    console.step("redrive", f"{_counted(len(asked), 'dead letter')} of {service}")
    left = _await_taken(databases, service, asked, console)
    waiting = [row for row in left if row["waits"]]
    failed = [row for row in left if not row["waits"]]
    if len(asked) > len(left):
        console.done(f"{len(asked) - len(left)} handled")
    if failed:
        rows = [(row["id"], row["attempts"], _short(row["error"])) for row in failed]
        console.table(("id", "attempts", "failed again"), rows)
    if waiting:
        raise StackError(
            f"{service} has not taken {len(waiting)} of them within {_REDRIVE_SECONDS} s; "
            "it will when it runs"
        )
    if failed:
        raise StackError(f"{_counted(len(failed), 'dead letter')} failed again")


def _await_taken(databases, service, asked, console):
    """What is left when the service has tried each, or the time is over."""
    deadline = time.monotonic() + _REDRIVE_SECONDS
    said = time.monotonic() + 1
    while True:
        left = databases.left(service, asked)
        waiting = sum(row["waits"] for row in left)
        if not waiting or time.monotonic() > deadline:
            return left
        if time.monotonic() > said:
            console.step("waiting", f"{len(asked) - waiting} of {len(asked)} tried")
            said = time.monotonic() + 1
        time.sleep(_REDRIVE_POLL_SECONDS)


# Groups


def _drop_group(streams, stream, name, console):
    kind = key_of(stream).partition(":")[2]
    groups = {group["name"]: group for group in streams.look([kind])[kind]["groups"]}
    if name not in groups:
        known = ", ".join(map(_plain, groups)) or "none"
        raise StackError(f"{kind} has no group {_plain(name)}; it has: {known}")
    group = groups[name]
    reading = [r["name"] for r in group["readers"] if r["idle"] < _READS_NOW_MS]
    if reading:
        raise StackError(f"{_plain(name)} is read, by {', '.join(map(_plain, reading))}")
    if group["lag"] == 0 and group["pending"] == 0:
        # Redis knows a reader only once it has given it an entry.
        raise StackError(f"{_plain(name)} has acknowledged everything, and may be read")
    if streams.drop_group(kind, name):
        waited = (group["lag"] or 0) + group["pending"]
        console.done(f"{kind}: no group {_plain(name)} any more; {waited} entries waited for it")


# Words


def _counted(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def _age(seconds):
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _plain(text):
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _short(text):
    text = _plain(text)
    return text if len(text) <= _ERROR_COLUMNS else f"{text[: _ERROR_COLUMNS - 3]}..."


def _first_line(error):
    """Of what a program printed, or what it says itself."""
    lines = [line for line in (*error.evidence, str(error)) if line.strip()]
    return _plain(lines[0].strip())
