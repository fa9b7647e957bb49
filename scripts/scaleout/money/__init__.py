"""Whether orders and payments are right: `books` is what the databases of both services and the
payment provider's ledger hold, `rules` is what must hold of it and of what clients were answered
(scaleout.load.record), and `checker` waits until everything is decided and then says so in a table.
"""
