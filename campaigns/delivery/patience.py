"""How long each answer of a mail server is waited for: as long as RFC 5321 says (4.5.3.2), for whoever gives up earlier sends twice.

A server that has a whole message and looks for viruses in it may answer after minutes. One that is left meanwhile has the message all
the same, and whoever left it has to send it again or to ask a person.
"""

from __future__ import annotations

from typing import NamedTuple


class Patience(NamedTuple):
    """Seconds, by what is waited for."""

    connect: float  # until the other machine takes the connection, which is not yet the server's word
    greeting: float
    hello: float  # EHLO, STARTTLS, signing in, RSET: the standard names none, and a directory may be asked for the password
    mail: float
    rcpt: float
    data: float  # until 354
    block: float  # for a part of a message to leave
    dot: float  # for the answer to a whole message


RFC_5321 = Patience(connect=30, greeting=300, hello=300, mail=300, rcpt=300, data=120, block=180, dot=600)
# For who looks whether a server lets us in, while others wait for the word.
LOOK_SECONDS = 10.0
# While another mailing waits for a worker, each wait is this much shorter: a minute for the answer to a message.
HURRY = 10
