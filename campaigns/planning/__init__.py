"""Campaigns, pillars and drives: countries × constituencies, who is reached, who is missing."""
