"""Exceptions in messages: their frames, and what they are told apart by. Pure."""
