"""What the tour, the bench and the drills share: a driver for either stack, a client that measures,
eyes for the circuit breakers, a narrator.
"""
