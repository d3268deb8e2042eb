"""Call rounds: a segment becomes call sheets with a script, shared among officers; nobody is called by two of us."""
