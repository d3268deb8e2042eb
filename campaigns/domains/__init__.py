"""What the DNS says about the domains that mail is sent from: looked up, judged, and the record to add. It changes no record."""
