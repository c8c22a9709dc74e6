"""Notices when something goes wrong: follows what is stored, and compares it with what the organization is used to.

In: counts of what was stored since a position, by service and shape. Out: findings, each with evidence that can be
asked again. Owns the baselines. Detectors are pure, one a file. ``incidents`` and what stands below it may call it.
"""
