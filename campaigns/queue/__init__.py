"""The outreach queue: for me, today, each entry with its reason in words and beside it what one must know before turning to them."""
