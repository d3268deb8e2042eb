"""The directory's and consent's fields of segments."""

from contacts.segments.fields import register_all

register_all()
