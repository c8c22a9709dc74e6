"""How each service is: its status and why, its rates against the usual ones, its uptime, whom it depends on.

In: services, incidents, the call graph, and counts of logs. Out: a ``ServiceHealth`` for each service. Owns nothing;
``judging`` and ``uptime`` are pure. Called by people over HTTP.
"""
