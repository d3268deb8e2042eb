"""How fast mail goes to one recipient domain: limits that are set, and domains that are left alone because they deferred."""
