"""Sides by turns: each has a stack that is up, and each row measures one after the other.

A side is a build with variables of its own: two builds, or one build with a setting on and off. Of
two stacks with nearly the same build, the one started first answered 6 % fewer requests (user by id
through nginx, two loops, two cores). So the stacks start in one order for half of the rounds and in
the other for the rest, and within a round the sides take turns in both orders.
"""

import contextlib
import dataclasses

from scaleout.bench.measure import CONNECTIONS, ROUTES, Build, turn


@dataclasses.dataclass(frozen=True)
class Side:
    name: str
    build: Build
    variables: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class WrkRow:
    """What wrk measures: a closed loop over so many connections."""

    route: str
    via: str = "direct"
    connections: int = CONNECTIONS

    def measure(self, build, stack, seconds, _):
        port = build.doors()[self.via]
        return turn(stack, port, ROUTES[self.route], seconds, self.connections)

    def __str__(self):
        s = "" if self.connections == 1 else "s"
        return f"{self.route}, {self.via}, {self.connections} connection{s}"


class Turns:
    def __init__(self, narrator, sides, rounds, turn_seconds):
        self._n = narrator
        self._sides = sides
        self._rounds = rounds
        self._turn_seconds = turn_seconds

    def measure(self, rows, **variables):
        """{row: halves}; a half is a list of rounds, a round {side's name: figures}. A row has
        `measure(build, stack, seconds, round)`. The variables are for all stacks.
        """
        later = self._rounds // 2
        halves = {row: [] for row in rows}
        self._measure_half(halves, variables, self._sides, range(self._rounds - later))
        if later:
            numbers = range(self._rounds - later, self._rounds)
            self._measure_half(halves, variables, self._sides[::-1], numbers)
        return halves

    def _measure_half(self, halves, variables, sides, numbers):
        """Adds a half to each row. The stacks start in the order of the sides."""
        count = len(numbers)
        order = f"{sides[0].name} starts first" if len(sides) > 1 else ""
        self._n.step(f"{count} round{'s' if count > 1 else ''}", order)
        for of_row in halves.values():
            of_row.append([])
        with contextlib.ExitStack() as running:
            stacks = {
                side.name: running.enter_context(side.build.stack(**variables, **side.variables))
                for side in sides
            }
            self._round(halves, sides, stacks, 1, 0)  # warms up
            for number in numbers:
                order = sides[:: 1 if number % 2 else -1]
                for row, figures in self._round(
                    halves, order, stacks, self._turn_seconds, number + 1
                ).items():
                    halves[row][-1].append(figures)

    @staticmethod
    def _round(rows, sides, stacks, seconds, number):
        return {
            row: {
                side.name: row.measure(side.build, stacks[side.name], seconds, number)
                for side in sides
            }
            for row in rows
        }
