"""API: the rooms as one HTTP server.

In: the parts that ``wiring`` built. Out: a Litestar application, and a process that serves it until it is told to
stop. Owns no data: routes belong to their rooms, and here they get problems (RFC 9457), documentation, health and
metrics. Called by ``cli``.
"""
