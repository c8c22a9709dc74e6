"""Accounts: who may do what.

In: passwords, refresh tokens, access tokens, personal access tokens, tickets, API keys. Out: ``Principal`` (a person)
or ``KeyIdentity`` (a sender), or an error that says why not. Owns organizations, users, memberships, invitations,
sessions, tokens, services and API keys. Every feature may call ``service`` and use ``contracts``, ``access`` and
``guards``; the tables are its own.
"""
