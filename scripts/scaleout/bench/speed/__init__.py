"""The speed bench: what coalesced reads bring, by turns against the same build without them and, if
one is given, against another build.

`scenes` lists what is measured and what is wanted of it, `rows` how a row is measured that wrk
cannot, `comparison` what the rounds say.
"""
