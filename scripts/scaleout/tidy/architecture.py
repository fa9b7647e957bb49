"""Rules about what a file may use: rooms, libraries, the environment, clocks. Each yields
(line, message).
"""

import re
from fnmatch import fnmatch

from scaleout.tidy.rules import LIBRARIES, ROOMS, SINGLE_DOORS
from scaleout.tidy.tree import line_of


def room_of(path):
    """The room that a source path belongs to, or None if it is none (tests, scripts)."""
    parts = path.split("/")
    # Generated code is included as scaleout/x/v1/..., other files as proto/scaleout/x/v1/...
    contract = parts[1:] if parts[0] == "proto" else parts
    if contract[:1] == ["scaleout"] and len(contract) > 2:
        return f"proto/{contract[1]}"
    if parts[0] in ("gateway", "services", "deploy"):
        return "/".join(parts[:2]) if len(parts) > 2 else parts[0]
    return (
        parts[0]
        if parts[0] in ("common", "postgres", "redis", "service", "proto", "tests")
        else None
    )


def rooms_open_to(room):
    """As ROOMS say; None if they do not."""
    above, _, name = room.rpartition("/")
    if room not in ROOMS and f"{above}/x" in ROOMS:
        return [allowed.replace("/x", f"/{name}") for allowed in ROOMS[f"{above}/x"]]
    return ROOMS.get(room)


def check_include_direction(file):
    room = room_of(file.path)
    if not file.is_cpp or room in (None, "tests"):
        return
    allowed_rooms = rooms_open_to(room)
    if allowed_rooms is None:
        yield 1, f"{room} is a new room; say in scripts/scaleout/tidy/rules.py what it may include"
        return
    for number, path, quoted in file.includes():
        target = room_of(path) if quoted else None
        if (
            target is None
            or target == room
            or any(fnmatch(target, allowed) for allowed in allowed_rooms)
        ):
            continue
        yield number, f'{room} may not include "{path}"; it may include {", ".join(allowed_rooms)}'


def check_libraries(file):
    if not file.is_cpp or file.is_test:
        return
    for name, header, use, homes in LIBRARIES:
        if any(fnmatch(file.path, home) for home in homes):
            continue
        belongs = f"{name} belongs in {', '.join(homes)}"
        numbers = [number for number, path, _ in file.includes() if re.match(header, path)]
        found = re.search(use, file.code)
        if numbers:
            yield numbers[0], f"includes {name}; {belongs}"
        elif found:
            yield line_of(file.code, found.start()), f"uses {name}; {belongs}"


def check_single_doors(file, excused):
    if not file.is_cpp or file.is_test:
        return
    for name, pattern, home, instead in SINGLE_DOORS:
        if file.path == home:
            continue
        for match in re.finditer(pattern, file.code):
            if name == "a clock" and excused("clock", file.path):
                continue
            yield line_of(
                file.code, match.start()
            ), f"reads {name}, which only {home} does; {instead}"


def check_sleep(file, excused):
    if not file.is_cpp or not file.is_test:
        return
    for match in re.finditer(r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\babsl::SleepFor\b", file.code):
        if not excused("sleep", file.path):
            yield (
                line_of(file.code, match.start()),
                "a test sleeps; wait with tests/support/eventually.h, or use a FakeClock",
            )


def circle_of_rooms(rooms):
    """A circle among the arrows that a table of rooms allows, as a list of rooms; empty if none."""
    arrows = {
        room: [
            other
            for other in rooms
            if other != room and any(fnmatch(other, allowed) for allowed in allowed_rooms)
        ]
        for room, allowed_rooms in rooms.items()
    }
    done = set()

    def walk(room, above):
        if room in above:
            return above[above.index(room) :] + [room]
        if room in done:
            return []
        for following in arrows[room]:
            if circle := walk(following, above + [room]):
                return circle
        done.add(room)
        return []

    return next((circle for room in arrows if (circle := walk(room, []))), [])
