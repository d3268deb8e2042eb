#!/usr/bin/env python
"""Groundswell's command line. Without DATABASE_URL it uses (and, if needed, starts) the embedded services."""

import os
import sys
from importlib import import_module

# Answered from standard input alone, often once a message: without the seconds that loading Django takes.
WITHOUT_DJANGO = {"classify_mail": "campaigns.outreach.mail.command"}


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in WITHOUT_DJANGO:
        sys.exit(import_module(WITHOUT_DJANGO[sys.argv[1]]).main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    from crm.local.environment import local_services

    try:
        with local_services(sys.argv):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
