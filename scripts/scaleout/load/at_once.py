"""Many clients that ask for the same at the same moment, each over a connection that is open
already: once, or until they get it.
"""

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import random
import time
import urllib.parse

from scaleout.load.open_loop import Connection, Outcome

_NICE = 10


def burst(urls, request, clients, timeout=20.0):
    """The outcomes of `clients` equal requests, spread evenly over the urls. A latency begins when
    the first of them is sent.
    """
    return asyncio.run(_burst(urls, request, clients, timeout))


def insist(urls, request, clients, seconds):
    """Those of a burst, and of each client the further ones: after an answer that says when to come
    again (Retry-After) it does, later by chance than that, and up to twice as late, as well-behaved
    clients do. For so many seconds in all.
    """
    return asyncio.run(_insist(urls, request, clients, seconds))


@contextlib.contextmanager
def apart():
    """Runs such a function, given with its arguments, in a process of its own with a low priority:
    so many clients at once would else keep the other load of this process from its schedule.
    """
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context, os.nice, (_NICE,)) as process:
        process.submit(os.getpid).result()  # it has started
        yield lambda *call: process.submit(*call).result()


async def _burst(urls, request, clients, timeout):
    hosts = _hosts(urls, clients)
    connections = [await _connect(host) for host in hosts]
    due = time.monotonic()
    asking = (
        _ask(request, host, connection, due, timeout)
        for host, connection in zip(hosts, connections, strict=True)
    )
    return await asyncio.gather(*asking)


async def _insist(urls, request, clients, seconds):
    hosts = _hosts(urls, clients)
    connections = [await _connect(host) for host in hosts]
    began = time.monotonic()

    async def one(host, connection):
        found = [await _ask(request, host, connection, began, seconds)]
        while "retry-after" in found[-1].headers:
            pause = int(found[-1].headers["retry-after"]) * random.uniform(1, 2)
            left = began + seconds - time.monotonic() - pause
            if left <= 0:
                break
            await asyncio.sleep(pause)
            found.append(await _ask(request, host, None, time.monotonic(), left))
        return found

    clients = map(one, hosts, connections)
    return [outcome for found in await asyncio.gather(*clients) for outcome in found]


def _hosts(urls, clients):
    hosts = [urllib.parse.urlsplit(url) for url in urls]
    return [hosts[k % len(hosts)] for k in range(clients)]


async def _connect(host):
    return Connection(*await asyncio.open_connection(host.hostname, host.port))


async def _ask(request, host, connection, due, timeout):
    """The outcome. Without a connection it makes one; it is closed afterwards."""
    outcome = Outcome("burst", request, due)
    try:
        async with asyncio.timeout(timeout):
            connection = connection or await _connect(host)
            await connection.exchange(request.head_and_body(host.netloc, host.port), outcome)
    except (OSError, EOFError, ValueError, KeyError, TimeoutError) as error:
        outcome.error = f"{type(error).__name__}: {error}"
    outcome.ended = time.monotonic()
    if connection is not None:
        connection.close()
    return outcome
