"""Audience, freeze, chunks, claims, SMTP, sweeper. Owns the ledger; nothing is lost, nothing knowingly sent twice."""
