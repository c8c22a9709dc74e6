"""Search: a question → logs.

In: query text, time expressions, limits and cursors, of one organization. Out: pages of logs, histograms, counts,
top shapes and single logs. Owns no data. ``contracts`` and ``service`` are its face, ``endpoints`` serves it under
``/v1/logs``; ``api``, ``wiring`` and features further down the data path may call it.
"""
