"""Collect the static files for production, while the image is built and there are no secrets yet: `STATIC_ROOT=… python deploy/collect_static.py`.

The settings insist on secrets; these are made at random, used for nothing, and gone with the process.
"""

import os
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.update(
    DJANGO_SETTINGS_MODULE="crm.settings",
    LOCAL="false",
    DATABASE_URL="postgresql://nowhere/nothing",
    REDIS_URL="redis://nowhere",
    SECRET_KEY=secrets.token_hex(32),
    TRACKING_KEYS=f"k1:{secrets.token_hex(32)}",
    ADDRESS_KEYS=f"a1:{secrets.token_hex(32)}",
    DATA_KEYS=f"d1:{secrets.token_hex(32)}",
    BASE_URL="https://nowhere.invalid",
    TRACKING_URL="https://links.nowhere.invalid",
    EMAIL_URL="smtp://nowhere.invalid",
)

import django  # noqa: E402
from django.core.management import call_command  # noqa: E402

django.setup()
call_command("collectstatic", interactive=False, verbosity=0)
