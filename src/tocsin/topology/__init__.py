"""Which service calls which, learned from logs alone.

In: recent logs with trace ids. Out: a ``CallGraph`` for each organization. Owns the learned calls, which are forgotten
when they are not seen any more. ``calls`` is pure and says what the logs of some traces show.
"""
