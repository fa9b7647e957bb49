"""Events on their way between the services, for people: `scripts/stack.sh events`.

`databases` asks PostgreSQL for what the services hold of them (outbox, dead letters), `streams`
asks redis-state for what is in its streams, `command` prints both and does what is asked for. All
of it through the stack's driver, so on every stack.
"""
