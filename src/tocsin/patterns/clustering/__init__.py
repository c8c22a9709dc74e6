"""Shapes → clusters with a template each. Pure: the result depends only on the set of shapes, and nothing is read.

``refining`` turns a masked text into a skeleton and columns of words, ``bodies`` does so for stack traces, ``columns``
finds which words of a bucket (the texts of one skeleton) are variables, ``templates`` writes what a cluster's members
have in common, and ``clusterer`` holds it together.
"""
