"""Where somebody is signed in. One row for each session of a browser; the session itself is Django's."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.ids import UidModel

DEVICE_LENGTH = 300


class BrowserSession(UidModel):
    """A signed-in browser: which one, from where, since when, and when it was last seen (to some minutes)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="browser_sessions")
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    address = models.GenericIPAddressField()
    agent = models.CharField(max_length=DEVICE_LENGTH, blank=True, default="", help_text="User-Agent")
    signed_in_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-last_seen_at"], name="browser_session_of_user")]

    def __str__(self) -> str:
        return device(self.agent)


BROWSERS = [  # the first that fits: most name those they descend from as well
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
]
SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


def device(agent: str) -> str:
    """A User-Agent in words: *Firefox, Windows*; or its beginning where we know neither."""
    known = [next((name for sign, name in table if sign in agent), "") for table in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, known)) or agent[:40] or "?"
