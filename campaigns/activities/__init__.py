"""What a drive does, when, and who does it: objectives, team, activities that follow one another; board, calendar and list."""
