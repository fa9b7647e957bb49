"""The tour: narrated scenes on the running stack, each with checks. It changes the number of
gateways itself, and puts it back.
"""
