"""One incident instead of a thousand alerts: groups signals that have one cause, and follows them to the end.

In: signals, which are findings and alerts from outside; deploys; what people decide. Out: incidents with likely causes,
a timeline, and an event for each change. Owns incidents, their signals, edges, comments and links. ``state_machine``
is the only writer of a status. ``health``, ``notifications`` and what stands below them may call its service.
"""
