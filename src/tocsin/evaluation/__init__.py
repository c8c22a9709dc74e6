"""Evaluation: what Tocsin finds, held against what people found.

In: a directory of labelled data. Out: figures. It runs the product's own code, and reads the labels only when that has
run. ``patterns`` measures the clustering of messages, ``search`` the search by meaning. Owns no data; called by the
commands ``tocsin evaluate``.
"""
