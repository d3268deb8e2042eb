"""Once a week, by mail: what moved, what cools, what is due, what is blind. Off by one press."""
