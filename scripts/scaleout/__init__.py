"""The scripts' one package. The programs in scripts/*.sh are its entry points.

`driver` is how anything handles a running stack: one interface, implemented for processes of this
machine (`native`, which is also what starts and stops them) and for containers. `load` makes load,
`breakers` watches the circuit breakers, `narrator` prints scenes and checks. `tour`, `drills` and
`bench` are experiments made of these. `topology` says what the suite consists of.
"""
