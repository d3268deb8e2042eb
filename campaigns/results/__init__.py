"""What a campaign is to change, in the words of IATI, and what was done for it: a live report, and numbers kept as they were."""
