"""Accounts: who may do what.

In: passwords, access tokens, API keys. Out: ``Principal`` (a person) or ``KeyIdentity`` (a sender), or an error that
says why not. Owns organizations, users, memberships, services and API keys. Every feature may call ``service`` and
use ``contracts`` and ``guards``; the tables are its own.
"""
