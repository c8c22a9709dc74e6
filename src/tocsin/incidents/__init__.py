"""One incident instead of a thousand alerts: what went wrong, from its opening to its end.

In: signals (findings, and alerts from outside), deploys, who calls whom, and what people decide. Out: incidents with
their likely causes, why signals are grouped, a timeline, and an event for each change that people see. Owns incidents,
what happened in them, their signals, people's corrections, deploys, and the logs that are kept with incidents.
``state_machine`` is the only writer of a status; ``applying`` writes what signals change. Rooms below it in the data
path, and entry points, may call its service.
"""
