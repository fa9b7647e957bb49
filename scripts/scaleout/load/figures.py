"""Figures from many answers."""

import math


def percentile(values, share):
    """The smallest value that at least `share` of them do not exceed; NaN if there are none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies(outcomes):
    return [outcome.milliseconds for outcome in outcomes]


def p99(outcomes):
    return percentile(latencies(outcomes), 0.99)
