"""When a mailing pauses by itself for what its own figures say, and the mail to its owner about it."""
