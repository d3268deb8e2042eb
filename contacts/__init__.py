"""WHO: institutions, posts, people, consent, segments, imports. Knows nothing of campaigns."""
