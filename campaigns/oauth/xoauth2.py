"""What is said to a mail server that takes a token: the same for SMTP and IMAP."""

from __future__ import annotations


def xoauth2(user: str, token: str) -> str:
    """The first answer of XOAUTH2, not yet in base64."""
    return f"user={user}\1auth=Bearer {token}\1\1"
