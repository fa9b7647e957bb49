"""A burst: many clients that ask for the same at the same moment, each over a connection that is
open already.
"""

import asyncio
import time
import urllib.parse

from scaleout.load.open_loop import Connection, Outcome


def burst(urls, request, clients, timeout=20.0):
    """The outcomes of `clients` equal requests, spread evenly over the urls. A latency begins when
    the first of them is sent.
    """
    return asyncio.run(_burst(urls, request, clients, timeout))


async def _burst(urls, request, clients, timeout):
    hosts = [urllib.parse.urlsplit(url) for url in urls]
    hosts = [hosts[k % len(hosts)] for k in range(clients)]
    connections = [
        Connection(*await asyncio.open_connection(host.hostname, host.port)) for host in hosts
    ]
    due = time.monotonic()
    outcomes = [Outcome("burst", request, due) for _ in connections]

    async def ask(host, connection, outcome):
        try:
            async with asyncio.timeout(timeout):
                await connection.exchange(request.head_and_body(host.netloc, host.port), outcome)
        except (OSError, EOFError, ValueError, KeyError, TimeoutError) as error:
            outcome.error = f"{type(error).__name__}: {error}"
        outcome.ended = time.monotonic()

    await asyncio.gather(*map(ask, hosts, connections, outcomes))
    for connection in connections:
        connection.close()
    return outcomes
