"""Events: who is invited to what, who answered, who has a seat, and who came."""
