"""What to know before one meets an institution, on one page: on the screen, printed, as PDF. It changes nothing."""
