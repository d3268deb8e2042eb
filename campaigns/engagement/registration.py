"""What engagement adds to the registries of contacts."""

from campaigns.engagement.consent_story import mailings_of
from campaigns.engagement.services import note_left
from contacts.consent.services import on_left_by_mail
from contacts.consent.story import mailings_behind
from crm import bench

on_left_by_mail(note_left)
mailings_behind(mailings_of)
bench.register("track", "campaigns.engagement.benches:track", size=90_000)
