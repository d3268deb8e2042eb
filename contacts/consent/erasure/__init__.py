"""What is held about one person: shown, handed over, and erased. `registry.py` is the door for every feature."""
