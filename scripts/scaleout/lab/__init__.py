"""Labs: a question about the stack, answered by the same rows on sides that differ in one thing.

A lab starts stacks of its own and removes them. It measures with what the bench has; the table is
printed and everything goes to a file, and a lab ends with what its figures do not show.
"""
