"""The shell, components' Python side, search and Today. Features register what they add."""
