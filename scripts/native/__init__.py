"""The native stack: nginx, gateways, services, PostgreSQL and Redis as processes in one run
directory.

`stack` says what is done in which order; `supervisor`, `nginx` and `postgres` know one program
each; `places` knows where things lie, `health` when they are well, `processes` who is who in /proc.
`scripts/stack.sh` is the way in.
"""
