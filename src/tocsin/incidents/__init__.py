"""One incident instead of a thousand alerts: what went wrong, from its opening to its end.

In: what people decide. Out: incidents, each with a timeline and an event for each change. Owns incidents, what happened
in them, and the logs that are kept with them. ``state_machine`` is the only writer of a status. Rooms below it in the
data path, and entry points, may call its service.
"""
