"""The partners' side: an optional account, and in it only what is theirs. It never has a grant, and opens no page of staff."""
