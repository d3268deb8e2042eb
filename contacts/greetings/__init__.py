"""How people are addressed in letters: a table of forms by language and gender, found by the title of a post."""
