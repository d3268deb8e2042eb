#!/usr/bin/env python
"""Groundswell's command line. Without DATABASE_URL it uses (and, if needed, starts) the embedded services."""

import os
import sys


def main() -> None:
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
