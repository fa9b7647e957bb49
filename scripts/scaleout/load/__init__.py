"""Everything that makes load, and figures of what came of it.

`client` sends one request and measures it. `open_loop` sends at a fixed rate and keeps every single
answer. `wrk` and `h2load` are the programs of those names: as fast as it goes, and thousands of
requests a second at a fixed rate; `poisson` is the project's own program for latencies at such a
rate. `buyer` orders and pays as a careful client does, `payers` do so at a fixed rate and see
the order become PAID, `shoppers` also cancel, want their money back, and are not all careful; what
they were answered is a `record`, which `scaleout.money` compares with what the databases hold.
`standstills` says when the machine itself did nothing.
Nothing here retries by itself, but for the buyers.
"""

from scaleout.errors import StackError


class LoadError(StackError):
    """The load itself could not be made, which says nothing about the stack."""
