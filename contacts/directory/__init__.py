"""Countries, indicators, organizations, posts, people, memberships, contact points. History is never overwritten."""
