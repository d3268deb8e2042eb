"""Give a command of this checkout the services and settings of a laptop, when the environment names no server."""

import contextlib
import os
import sys
from collections.abc import Iterator, MutableMapping

from crm.local import leftovers, services
from crm.local.places import LOCAL, LocalServiceError

# These need neither a database nor a broker; starting one for them would only be slow.
WITHOUT_SERVICES = {
    "help",
    "version",
    "--help",
    "--version",
    "-h",
    "compilemessages",
    "makemessages",
    "collectstatic",
    "startapp",
}
# A mail server that pipes a message into these must keep it while there is no database.
TRY_AGAIN, EX_TEMPFAIL = {"receive_mail"}, 75
_OF_A_RUN = ("BASE_URL", "TRACKING_URL", "MAILBOX_URL", "EMAIL_URL")


@contextlib.contextmanager
def local_services(arguments: list[str], environ: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Run a `manage.py` command (its `sys.argv`) with DATABASE_URL and REDIS_URL that work.

    Where DATABASE_URL is set nothing happens. Else LOCAL=true, and embedded services are used: started if they do not
    run, stopped afterwards unless somebody else uses them. A service that cannot start ends the process with a sentence.
    """
    if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE"):
        yield
        return
    environ.setdefault("LOCAL", "true")
    # Links in mail that this command sends lead to the run that lives here, whatever ports it has.
    run = leftovers.about(LOCAL)
    environ.update({name: run[name] for name in _OF_A_RUN if run.get(name) and not environ.get(name)})
    if len(arguments) < 2 or arguments[1] in WITHOUT_SERVICES:
        nowhere = {"DATABASE_URL": "postgresql://nowhere/groundswell", "REDIS_URL": "redis://nowhere"}
        environ.update({name: environ.get(name) or url for name, url in nowhere.items()})
        yield
        return
    try:
        used = services.ensure(home=LOCAL, environ=environ)
    except LocalServiceError as error:
        if arguments[1] in TRY_AGAIN:
            sys.stderr.write(f"{error}\n")
            sys.exit(EX_TEMPFAIL)
        sys.exit(f"{error}")
    environ.update(DATABASE_URL=used.database_url, REDIS_URL=used.redis_url)
    try:
        yield
    finally:
        used.release()
