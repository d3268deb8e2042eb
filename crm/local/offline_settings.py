"""The settings for tools that read code and never connect (mypy, system checks): any address will do."""

import os

os.environ.setdefault("LOCAL", "true")
os.environ.setdefault("DATABASE_URL", "postgresql:///groundswell?host=/nowhere")
os.environ.setdefault("REDIS_URL", "redis://nowhere")

from crm.settings import *  # noqa: E402, F403
