"""Links, the track process, its spool and consumer, and the honest classes of a hit."""
