"""`make run`: the whole product on this machine."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, call_command
from django.db import connections

from crm.local import leftovers, locks, ports
from crm.local.output import Output, box
from crm.local.places import ROOT, LocalServiceError
from crm.local.processes import Process, environment, manage, processes
from crm.local.supervisor import Supervisor


class Command(BaseCommand):
    """Migrate, start every process, load the demo on the first start, and look after them until Ctrl-C."""

    help = "Runs the whole product on this machine: web, track, workers, beat and the local mailbox."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")
        parser.add_argument("--only", default="", help="processes to start, for example web,worker; default: all")

    def handle(self, *args: Any, no_demo: bool = False, only: str = "", **options: Any) -> None:
        home = Path(settings.LOCAL_DIR)
        home.mkdir(parents=True, exist_ok=True)
        try:
            alone = locks.try_exclusive(home / locks.SUPERVISOR)
            if alone is None:
                raise LocalServiceError(
                    f"Groundswell already runs from this folder{_at(home)}. Stop it with Ctrl-C there, or with `make stop`."
                )
            run(home, with_demo=not no_demo, only=set(filter(None, only.split(","))))
        except LocalServiceError as error:
            self.stderr.write(f"\n{error}\n")
            sys.exit(1)
        except KeyboardInterrupt:
            self.stderr.write("\nStopped before it had started.")


def run(home: Path, *, with_demo: bool, only: set[str]) -> None:
    """The whole of it; returns when somebody stopped it. Raises LocalServiceError when it cannot run."""
    output = Output(home / "log")
    host = os.environ.get("HOST") or "127.0.0.1"
    ended = leftovers.end(home)
    if ended:
        output.say(f"ended {ended} processes that an earlier run had left behind")
    chosen = ports.choose(os.environ, host=host, remembered=home / "ports.json")
    if chosen.notice:
        output.say(chosen.notice)
    settings_of_run = environment(ports=chosen, host=host)
    output.say("bringing the database up to date")
    call_command("migrate", interactive=False, verbosity=0)
    empty = _is_empty()
    connections.close_all()

    wanted = [p for p in processes(ports=chosen, host=host) if not only or p.name in only]
    supervisor = Supervisor(wanted, environment=settings_of_run, home=home, output=output, cwd=ROOT)
    supervisor.listen()
    try:
        leftovers.write_down(home, [], state="starting", **settings_of_run)
        output.say("starting the processes")
        supervisor.start()
        supervisor.wait_until_ready()
        if empty and with_demo and not supervisor.stopping:
            output.say("loading the demo campaign: once, in about a minute")
            if supervisor.run_once(Process("demo", manage("demo"), once=True)) != 0 and not supervisor.stopping:
                output.say("the demo campaign could not be loaded; the lines above say why. `make demo` tries again.")
        if not supervisor.stopping:
            output.plain(box("Groundswell runs", _rows(settings_of_run), colours=output.colours))
        supervisor.note(state="ready")
        supervisor.watch()
        output.say("stopping")
    finally:
        supervisor.stop()
        output.say("stopped; your data is kept in .local/")
        output.close()


def _is_empty() -> bool:
    from crm.accounts.models import User

    return not User.objects.exists()


def _rows(settings_of_run: dict[str, str]) -> list[tuple[str, str]]:
    rows = [("Open", settings_of_run["BASE_URL"]), ("Mailbox", settings_of_run["MAILBOX_URL"])]
    sign_ins = _demo_sign_ins()
    if sign_ins:
        rows += [("", ""), ("Sign in as", ""), *sign_ins]
    elif _is_empty():
        rows += [("", ""), ("Nobody can sign in yet: .venv/bin/python manage.py invite you@example.org", "")]
    connections.close_all()
    return [*rows, ("", ""), ("No mail leaves this machine. Ctrl-C stops everything.", "")]


def _demo_sign_ins() -> list[tuple[str, str]]:
    """Address and password of the demo's users, where the demo is loaded."""
    from crm.accounts.demo_users import COLLEAGUES, PASSWORD, USERS
    from crm.accounts.models import Installation, User

    if not Installation.objects.filter(is_demo=True).exists():
        return []
    # without a password: a code comes into the local mailbox
    partners = [
        (f"  {user.email}", f"{user.name}, partner: open /partner/, the code comes into the mailbox")
        for user in User.objects.filter(is_partner=True, is_active=True).order_by("pk")[:1]
    ]
    everybody = [*USERS, *COLLEAGUES]
    there = set(User.objects.filter(email__in=[row[2] for row in everybody]).values_list("email", flat=True))
    known = [row for row in everybody if row[2] in there]  # a demo that was loaded earlier lacks some
    staff = [(f"  {email}", f"{PASSWORD}   {name}, {role.label.lower()}") for role, name, email, _ in known]
    return [*staff, *partners]


def _at(home: Path) -> str:
    address = leftovers.about(home).get("BASE_URL")
    return f" at {address}" if address else ""
