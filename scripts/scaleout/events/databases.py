"""What the services' databases hold of events: what was not published or not acknowledged yet, and
what was given up. The tables are those of service/events/event_tables.sql.
"""

import json

from scaleout.errors import StackError
from scaleout.topology import DATABASES, SERVICES

_SECONDS = 5
_MAX_ID = 2**63 - 1

_OUTBOX = """
WITH waiting AS (
  SELECT kind, count(*) FILTER (WHERE number IS NULL) AS unpublished,
    count(*) FILTER (WHERE number IS NOT NULL) AS unacknowledged,
    EXTRACT(epoch FROM now() - min(created_at) FILTER (WHERE number IS NULL)) AS oldest
  FROM outbox GROUP BY kind)
SELECT coalesce(json_agg(found ORDER BY kind), '[]') FROM (
  SELECT kind, coalesce(unpublished, 0) AS unpublished,
    coalesce(unacknowledged, 0) AS unacknowledged, oldest
  FROM (SELECT kind FROM outbox_streams UNION SELECT kind FROM waiting) AS kinds
  LEFT JOIN waiting USING (kind)) AS found
"""
_INBOX = """
SELECT coalesce(json_agg(found ORDER BY consumer), '[]') FROM (
  SELECT consumer, coalesce(dead, 0) AS dead, coalesce(failing, 0) AS failing
  FROM (SELECT consumer, count(*) AS dead FROM dead_letters GROUP BY consumer) AS d
  FULL JOIN (SELECT consumer, count(*) AS failing FROM inbox_failures GROUP BY consumer) AS f
    USING (consumer)) AS found
"""
_LETTERS = """
SELECT coalesce(json_agg(found ORDER BY id), '[]') FROM (
  SELECT id, consumer, stream, entry_id AS entry, fields, type, attempts, error,
    to_char(died_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS died,
    to_char(redrive_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS redriven
  FROM dead_letters WHERE {which} ORDER BY id LIMIT {limit}) AS found
"""
_REDRIVE = """
WITH asked AS (
  UPDATE dead_letters SET redrive_at = clock_timestamp() WHERE {which} RETURNING id, attempts)
SELECT coalesce(json_object_agg(id, attempts), '{{}}') FROM asked
"""
_LEFT = """
SELECT coalesce(json_agg(found ORDER BY id), '[]') FROM (
  SELECT id, attempts, error, redrive_at IS NOT NULL AS waits FROM dead_letters
  WHERE id = ANY ('{{{ids}}}')) AS found
"""


def service_of(name):
    """The service of that name, which may lack its `-service`."""
    for service in SERVICES:
        if name in (service, service.removesuffix("-service")):
            return service
    raise StackError(f"there is no service {name}; there are {', '.join(SERVICES)}")


def letter_id(text):
    """The id of a dead letter."""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= _MAX_ID:
        raise StackError(f"{text}: the number of a dead letter is wanted")
    return int(text)


class Databases:
    def __init__(self, driver):
        self._driver = driver

    def outbox(self, service):
        """[{kind, unpublished, unacknowledged, oldest}], `oldest` in seconds or None."""
        return self._ask(service, _OUTBOX)

    def inbox(self, service):
        """[{consumer, dead, failing}] of consumers that have any."""
        return self._ask(service, _INBOX)

    def letters(self, service, limit):
        """The dead letters with the lowest ids."""
        return self._ask(service, _LETTERS.format(which="true", limit=limit))

    def letter(self, service, number):
        found = self._ask(service, _LETTERS.format(which=f"id = {number:d}", limit=1))
        if not found:
            raise StackError(f"{service} has no dead letter {number}")
        return found[0]

    def redrive(self, service, number=None):
        """Asks the service to try one once more, or all; attempts so far by id."""
        which = "true" if number is None else f"id = {number:d}"
        asked = self._ask(service, _REDRIVE.format(which=which))
        return {int(id_): attempts for id_, attempts in asked.items()}

    def left(self, service, ids):
        """[{id, attempts, error, waits}] of those that are dead letters still."""
        return self._ask(service, _LEFT.format(ids=",".join(f"{id_:d}" for id_ in ids)))

    def _ask(self, service, sql):
        text = self._driver.psql(DATABASES[service][0], sql, _SECONDS)
        try:
            return json.loads(text)
        except ValueError as error:
            raise StackError(
                f"{service}'s database answers what is no JSON: {text[:80]}"
            ) from error
