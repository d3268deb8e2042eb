"""The local mailbox: an SMTP server that keeps every message on this machine, and a small web inbox to read it.

It stands for the whole world outside: some addresses bounce, defer, answer or scan links (`characters.py`), and what they
send back goes into Groundswell by the same road that mail from outside takes (`returns.py`). It knows nothing of campaigns.
"""
