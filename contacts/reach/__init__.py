"""How far an institution can be reached: people with a working address, its own addresses, posts, who holds them. Kept per institution, and
always right: what changed since it was counted is counted anew when it is read (docs/decisions/0120-reach-is-kept-per-institution.md)."""
