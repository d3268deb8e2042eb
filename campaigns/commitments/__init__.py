"""What institutions promised: by when, followed by whom, how it stands by a rule that can be read, and what proves the outcome.

Whoever records or settles a commitment cannot verify it. Institutions update their own by a signed link; staff decide.
"""
