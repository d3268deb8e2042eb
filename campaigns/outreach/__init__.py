"""Two-way touches: what comes in by mail, and interactions logged by people or seen by the system."""
