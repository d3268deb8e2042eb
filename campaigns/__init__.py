"""WHAT: campaigns, drives, mailings, delivery, engagement, reports. Uses contacts."""
