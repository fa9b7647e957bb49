"""The bench: wrk against three routes, direct and through nginx, with one event loop and with two;
and what the guard adds to a call.

Absolute figures belong to the machine; the ratios to /livez of the same run can be compared between
machines and days. wrk, nginx, gateway, services and PostgreSQL share the processors.
"""
