"""What feeds plug into."""

from crm.api.registry import serve

serve("campaigns.feeds.api")
