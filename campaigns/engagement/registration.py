"""What engagement adds to the registries of contacts."""

from campaigns.engagement.services import note_left
from contacts.consent.services import on_left_by_mail

on_left_by_mail(note_left)
