"""Tocsin: a log and incident platform that starts with one command."""

__version__ = "0.1.0"
