"""Kit: what every room needs and no room owns.

In: nothing. Out: the error tree (RFC 9457 problems), settings, the clock, telemetry.
Owns no data. Anyone may import it; it imports no other room.
"""
