"""What redis-state has of the streams of events, and of the groups that read them."""

import json

from scaleout.errors import StackError

SERVER = "redis-state"
_PREFIX = "events:"

# One command for everything, so that it is of one moment and, in containers, one process.
_LOOK = """
local function map(flat)
  local found = {}
  for at = 1, #flat, 2 do found[flat[at]] = flat[at + 1] end
  return found
end
local streams = {}
for _, key in ipairs(KEYS) do
  local stream = {key = key, length = redis.call('XLEN', key), groups = {}}
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if groups.err then groups = {} end
  for _, each in ipairs(groups) do
    local group = map(each)
    local oldest = redis.call('XPENDING', key, group.name, '-', '+', 1)[1]
    group.idle = oldest and oldest[3] or false
    group.readers = {}
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, group.name)) do
      local reader = map(consumer)
      table.insert(group.readers, {name = reader.name, idle = reader.idle})
    end
    table.insert(stream.groups, group)
  end
  table.insert(streams, stream)
end
return cjson.encode(streams)
"""


def key_of(kind):
    """The stream's key, of a kind or of the key itself."""
    name = kind.removeprefix(_PREFIX)
    if not name.isidentifier():
        raise StackError(f"{kind}: a stream is wanted, such as payment")
    return _PREFIX + name


class Streams:
    """StackError where redis-state does not answer."""

    def __init__(self, driver):
        self._driver = driver

    def look(self, kinds):
        """By kind: {length, groups: [{name, lag, pending, idle, readers}]}. `lag` is how many
        entries the group has not been given, None if Redis does not know; `idle` how long its
        oldest pending entry has been left alone, in ms or None; `readers` are its consumers with
        the time since each has asked.
        """
        keys = [key_of(kind) for kind in kinds]
        if not keys:
            return {}
        said = self._driver.redis(SERVER, "EVAL", _LOOK, str(len(keys)), *keys)
        try:
            found = json.loads(said)
        except ValueError as error:
            raise StackError(f"{SERVER} answers what is no JSON: {said[:80]}") from error
        return {each["key"].removeprefix(_PREFIX): _stream(each) for each in found}

    def drop_group(self, kind, group):
        """False if there was no such group."""
        return self._driver.redis(SERVER, "XGROUP", "DESTROY", key_of(kind), group) == "1"


def _stream(said):
    return {"length": said["length"], "groups": [_group(each) for each in said["groups"] or ()]}


def _group(said):
    return {
        "name": said["name"],
        "lag": _number(said.get("lag")),
        "pending": said["pending"],
        "idle": _number(said["idle"]),
        # An empty table of Lua's is an object.
        "readers": list(said["readers"] or ()),
    }


def _number(value):
    """Lua's false is what Redis does not know."""
    return None if value is None or value is False else value
