"""What a query matches, for rooms that hold logs in their own hands: the oracle's answer, one log at a time."""

from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory import evaluate
from tocsin.query.tree import Node


def matches(query: Node, log: Log) -> bool:
    """Whether the log is found by the query, in whatever store it is."""
    return evaluate.matches(query, log)
