"""iCalendar feeds (RFC 5545): what somebody has to do, and what a drive plans, in the calendar that they use anyway. By a secret address,
without a session; it shows what its owner may see at the moment that it is fetched, and nothing once it is revoked."""
