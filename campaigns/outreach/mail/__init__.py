"""What one inbound message is, from its bytes alone: no database, no settings that matter, and no message that breaks it."""
