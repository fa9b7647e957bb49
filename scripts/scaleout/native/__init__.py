"""The native stack: nginx, gateways, services, PostgreSQL and Redis as processes in one run
directory.

`stack` says what is done in which order; `supervisor`, `nginx`, `postgres` and `redis` know one
program each;
`parts` knows names and addresses, `places` where things lie, `health` when they are healthy,
`processes` what runs on this machine.
`scripts/stack.sh` is the way in.
"""
