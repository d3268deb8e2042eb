"""Who comes for each country or institution: its seats by constituency, whom it names for them, and what they need before they travel."""
