"""What changed: a window of logs against a baseline.

In: exact counts by shape, service, severity and sub-interval of both windows, and a sample of their rows. Out: ranked
changes, each with the query that shows it. The statistics (``special``, ``dispersion``, ``counts``, ``ranks``,
``discovery``) know nothing of logs; ``counted`` and ``sampled`` turn columns into hypotheses; ``explaining`` keeps of
several signs of one change the one that says most; ``service`` asks the store. Other rooms see ``contracts`` and
``service``.
"""
