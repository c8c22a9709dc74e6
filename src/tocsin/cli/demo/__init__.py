"""The demo: a server of its own with a simulated shop that sends it history and goes on live.

In: a directory, which is the demo's alone. Out: a running server at a free port, what to try on the terminal, trouble
on a schedule, by key press and by a small API, and the ground truth in a file that the server does not read.
"""
