"""The audience as the sum of its outcomes, and every number's rows."""
