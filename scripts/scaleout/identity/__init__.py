"""Who a stack's users are, for scripts: accounts with random passwords, and tokens of them.

`accounts` holds the passwords that the scripts have given to users of the demo data and to the
lab's admin, and gets access tokens for them; `bearer` puts a token into every request of this
process where a stack wants one (AUTH_MODE=required); `users` makes admins; `command` is
`scripts/stack.sh token` and its neighbours. There is no password that two stacks share.
"""
