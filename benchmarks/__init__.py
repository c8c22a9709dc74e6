"""Benchmarks: measure the running product from outside; nothing here is a test."""
