"""Durable jobs: work that is done once it is asked for, whatever is killed meanwhile.

In: jobs with a kind and a payload. Out: calls of the handler of that kind, by one process at a time. Owns the jobs.
Every feature may call it; never one job a log.
"""
