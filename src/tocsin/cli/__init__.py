"""CLI: the command ``tocsin``.

In: a command line, and the settings of the environment. Out: text for people, or JSON for programs. Owns no data:
``serve`` runs a server in this process, ``signing-key`` changes a file of this machine, every other command talks to a
running server over HTTP. Called by people.
"""
