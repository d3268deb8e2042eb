"""Mailings up to approval: variants, templates, layouts, senders, states, approvals."""
