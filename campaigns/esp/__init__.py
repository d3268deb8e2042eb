"""Mailing services (email service providers) as transports: mail goes by their REST API, and they tell what became of it."""
