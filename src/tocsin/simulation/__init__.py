"""A believable shop of microservices, with faults that can be injected: for the demo, and for honest evaluation.

In: a seed, a start, and faults as data. Out: logs as any client would send them (NDJSON), and the ground truth of what
was injected, for whoever judges afterwards. Owns nothing in a running Tocsin: it is a client, imports no feature and
shares no constant with one. Entry points and ``evaluation`` may call it.
"""
