"""What institutions offer to do, by their own link or in an account: it becomes a commitment when staff take it on."""
