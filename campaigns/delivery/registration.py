"""What delivery adds to the registries of contacts and crm."""

from campaigns.delivery.segment_fields import register_fields

register_fields()
