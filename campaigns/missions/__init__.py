"""Mission reports: a whole trip logged at once. It owns the draft and which meetings belong together; what was said, promised and is
to be done is written by the services of interactions, positions, commitments and tasks, and by nobody else."""
