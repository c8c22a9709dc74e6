"""Search: a question → logs.

In: query text, time expressions, limits and cursors, of one organization. Out: pages of logs, single logs and their
context, histograms, counts, fields and values, facets, aggregates, exported files. Owns saved searches. ``contracts``
is its face, with a service each for pages and counts (``service``), what logs are like (``exploration``), ``context``,
``export`` and ``saved_searches``; the modules named ``endpoints`` serve them under ``/v1/logs`` and
``/v1/saved-searches``. ``api``, ``wiring`` and features further down the data path may call it.
"""
