"""The port of embeddings: texts → vectors, such that texts that mean alike are near each other.

In: short texts. Out: one unit vector for each, and the name of the model that made it: vectors of different models are
never compared. Owns nothing. ``ports.py`` is its face; ``backends/`` holds a model that runs in this process, and the
absence of one. Every feature may call it; only ``wiring`` picks a backend.
"""
