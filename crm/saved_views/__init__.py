"""Saved views: a list's filters, order and columns under a name, one's own or for everybody."""
