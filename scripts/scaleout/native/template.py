"""Fills in ${UPPER_CASE} names, as envsubst does; everything else, nginx's $variables too, stays as
it is.
"""

import re
from pathlib import Path

_NAME = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def render(path, values):
    """The template's text; a name without a value is a mistake in the template, and a KeyError."""
    return _NAME.sub(lambda match: str(values[match.group(1)]), Path(path).read_text())
