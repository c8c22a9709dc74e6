"""``tocsin doctor``: what is unsafe in a configuration, why that matters, and what to do.

In: settings, and what can be seen from here: files, the database, a running server. Out: findings. The checks do no
I/O: ``surroundings`` looks, ``settings_checks`` and ``surroundings_checks`` judge, ``report`` prints.
"""
