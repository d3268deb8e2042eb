"""Signing in at a mail service by OAuth 2 instead of a password: consent, tokens and their renewal, for transports and mailboxes alike.

It refuses to send a secret anywhere but to the address that it was written for, and loses no renewed refresh token.
"""
