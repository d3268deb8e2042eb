"""Who changed what, and the outbox of what happened. Services call `record()` in the transaction of their change."""
