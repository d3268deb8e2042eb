"""`make stop`: end the run of this checkout from anywhere, and whatever a killed one left behind.

    python -m crm.local.stop [--discard]

With --discard (`make clean`) also remove what had to be kept outside of the checkout.
"""

import contextlib
import os
import signal
import sys

from crm.local import children, leftovers, places, postgres, services
from crm.local.output import emit
from crm.local.places import LOCAL


def main(arguments: list[str]) -> int:
    """Ask the supervisor to stop and wait for it; then make sure that nothing is left."""
    running = leftovers.supervisor(LOCAL)
    if running is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running, signal.SIGTERM)
        if not children.wait_until(lambda: not children.alive(running), seconds=60, pause=0.1):
            os.kill(running, signal.SIGKILL)
    ended = leftovers.end(LOCAL) if LOCAL.exists() else 0
    stopped = services.stop_now()
    if "--discard" in arguments:
        postgres.discard_outside(LOCAL)
        places.discard_short_directory(LOCAL)
    emit("Stopped." if running is not None or ended or stopped else "Nothing was running here.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
