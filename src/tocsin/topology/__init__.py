"""Which service calls which, learned from logs alone.

In: recent logs with trace ids. Out: a ``CallGraph`` for each organization. Owns the learned calls, which are forgotten
when they are not seen any more. ``reading``, ``spans``, ``calls`` and ``learning`` are pure, and say what the logs of
some traces show; ``service`` keeps that up to date.
"""
