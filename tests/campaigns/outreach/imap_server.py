"""An IMAP server for tests: as much of RFC 3501 (with UIDPLUS and MOVE) as a client that reads a mailbox can see.

It answers over real sockets, with or without TLS, and can be told to drop the line before or after it obeys a command, to
lose a message under the client's hands, or to make the folder anew. Messages are kept as bytes, with flags and dates.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_LINE = re.compile(r"^(\S+) (UID )?(\S+) ?(.*)$", re.DOTALL)
_SECTION = re.compile(r"BODY(?:\.PEEK)?\[\]<0\.(\d+)>")


@dataclass
class Letter:
    uid: int
    raw: bytes
    at: datetime
    flags: set[str] = field(default_factory=set)


@dataclass
class Folder:
    uidvalidity: int = 1
    next_uid: int = 1
    letters: list[Letter] = field(default_factory=list)

    def add(self, raw: bytes, *, at: datetime | None = None, flags: set[str] | None = None) -> Letter:
        letter = Letter(self.next_uid, raw, at or datetime.now(UTC), set(flags or ()))
        self.letters.append(letter)
        self.next_uid += 1
        return letter

    def renew(self) -> None:
        """Made anew: the same letters under other numbers."""
        self.uidvalidity += 1
        for number, letter in enumerate(self.letters, start=1):
            letter.uid = number
        self.next_uid = len(self.letters) + 1


class Server:
    """`commands` is what clients said, without their tags. Use as a context."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, extensions: str = "UIDPLUS MOVE", plain: bool = True
    ) -> None:
        self.user, self.password = "bounces@campaign.test", "geheim ü"
        self.token, self.tokens = "", []  # the one that is good, and what was given
        self.folders = {"INBOX": Folder()}
        self.commands: list[str] = []
        self.drop_before: Callable[[str], bool] = lambda command: False
        self.drop_after: Callable[[str], bool] = lambda command: False
        self.before: Callable[[str], None] = lambda command: None
        self._tls, self._plain = tls, plain
        self.capabilities = f"IMAP4rev1 {extensions}" + (" AUTH=PLAIN" if plain else "")
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def said(self, word: str) -> list[str]:
        return [command for command in self.commands if word in command]

    def __enter__(self) -> Server:
        ready = threading.Event()

        async def begin() -> None:
            self._server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self._tls, limit=2**20)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        self._thread = threading.Thread(target=self._run, args=(begin,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def _run(self, begin: Callable[[], object]) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(begin())  # type: ignore[arg-type]
        self._loop.run_forever()

    def __exit__(self, *error: object) -> None:
        async def end() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class Session:
    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.folder: Folder | None = None
        self.read_only = False
        self.is_in = False

    async def run(self) -> None:
        self.say(b"* OK test server ready")
        while line := (await self.reader.readline()).decode("latin-1").rstrip("\r\n"):
            found = _LINE.match(line)
            if found is None:
                self.say(b"* BAD what?")
                continue
            tag, uid, verb, rest = found[1], bool(found[2]), found[3].upper(), found[4]
            command = f"{'UID ' if uid else ''}{verb} {rest}".strip()
            self.server.commands.append(command if verb != "LOGIN" else "LOGIN")
            self.server.before(command)
            if self.server.drop_before(command):
                return
            answer = await self.obey(verb, rest, uid)
            if self.server.drop_after(command):
                return
            self.say(f"{tag} {answer}".encode("latin-1"))
            await self.writer.drain()
            if verb == "LOGOUT":
                return

    def say(self, line: bytes) -> None:
        self.writer.write(line + b"\r\n")

    async def obey(self, verb: str, rest: str, uid: bool) -> str:
        if verb in {"CAPABILITY", "NOOP", "LOGOUT", "LOGIN", "AUTHENTICATE"}:
            return await self.outside(verb, rest)
        if not self.is_in:
            return "NO sign in first"
        if verb in {"SELECT", "EXAMINE", "LIST", "CREATE"}:
            return self.folders(verb, rest)
        if self.folder is None or not uid:
            return "BAD not now"
        return (
            getattr(self, verb.lower())(rest)
            if verb in {"SEARCH", "FETCH", "STORE", "COPY", "MOVE", "EXPUNGE"}
            else "BAD no such command"
        )

    async def outside(self, verb: str, rest: str) -> str:
        if verb == "CAPABILITY":
            self.say(f"* CAPABILITY {self.server.capabilities}".encode())
        elif verb == "LOGOUT":
            self.say(b"* BYE")
        elif verb != "NOOP":
            if verb == "LOGIN":
                given = [
                    part.replace('\\"', '"').replace("\\\\", "\\") for part in re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
                ]
            elif rest.strip().upper() in {"XOAUTH2", "OAUTHBEARER"}:
                return await self.with_token()
            else:
                self.say(b"+ ")
                await self.writer.drain()
                coded = (await self.reader.readline()).strip()
                given = base64.b64decode(coded).decode().split("\0")[1:]
            self.is_in = given == [self.server.user, self.server.password]
            return "OK welcome" if self.is_in else "NO [AUTHENTICATIONFAILED] Authentication failed."
        return "OK done"

    async def with_token(self) -> str:
        """A refusal is a question with the reason in it, and the client answers before it hears NO (RFC 7628, 3.2.3)."""
        self.say(b"+ ")
        await self.writer.drain()
        given = base64.b64decode((await self.reader.readline()).strip()).decode()
        self.server.tokens.append(given)
        if given in {
            f"user={self.server.user}\1auth=Bearer {self.server.token}\1\1",
            f"n,a={self.server.user},\1host=127.0.0.1\1port={self.server.port}\1auth=Bearer {self.server.token}\1\1",
        }:
            self.is_in = True
            return "OK welcome"
        self.say(b"+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}'))
        await self.writer.drain()
        self.server.tokens.append(base64.b64decode((await self.reader.readline()).strip()).decode())
        return "NO [AUTHENTICATIONFAILED] Authentication failed."

    def folders(self, verb: str, rest: str) -> str:
        names = re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
        folder = self.server.folders.get(names[-1])
        if verb == "CREATE":
            self.server.folders.setdefault(names[-1], Folder())
            return "OK created"
        if verb == "LIST":
            if folder is not None:
                self.say(f'* LIST () "/" "{names[-1]}"'.encode())
            return "OK listed"
        if folder is None:
            return "NO [NONEXISTENT] no such folder"
        self.folder, self.read_only = folder, verb == "EXAMINE"
        self.say(f"* {len(folder.letters)} EXISTS".encode())
        self.say(f"* OK [UIDVALIDITY {folder.uidvalidity}]".encode())
        return f"OK [READ-{'ONLY' if self.read_only else 'WRITE'}] selected"

    @property
    def letters(self) -> list[Letter]:
        assert self.folder is not None
        return self.folder.letters

    def named(self, text: str) -> list[Letter]:
        """By a UID or a range; `n:*` names the last letter also where its number is smaller."""
        first, _colon, last = text.partition(":")
        highest = max((letter.uid for letter in self.letters), default=0)
        low, high = int(first), highest if last == "*" else int(last or first)
        low, high = min(low, high), max(low, high)
        return [letter for letter in self.letters if low <= letter.uid <= high]

    def search(self, rest: str) -> str:
        words, found = rest.split(), list(self.letters)
        while words:
            kept = self.criterion(words)
            found = [letter for letter in found if letter.uid in kept]
        self.say(" ".join(["* SEARCH", *(str(letter.uid) for letter in found)]).encode())
        return "OK searched"

    def criterion(self, words: list[str]) -> set[int]:
        """The UIDs that the next criterion names; it is taken off `words`."""
        word = words.pop(0).upper()
        if word == "OR":
            return self.criterion(words) | self.criterion(words)
        if word == "UID":
            return {letter.uid for letter in self.named(words.pop(0))}
        if word == "SINCE":
            day = datetime.strptime(words.pop(0), "%d-%b-%Y").date()
            return {letter.uid for letter in self.letters if letter.at.date() >= day}
        flag = {"UNDELETED": "\\Deleted", "UNSEEN": "\\Seen"}[word]
        return {letter.uid for letter in self.letters if flag not in letter.flags}

    def fetch(self, rest: str) -> str:
        which, _space, what = rest.partition(" ")
        for letter in self.named(which):
            number = self.letters.index(letter) + 1
            head = f'* {number} FETCH (UID {letter.uid} INTERNALDATE "{letter.at:%d-%b-%Y %H:%M:%S %z}"'
            if section := _SECTION.search(what):
                data = letter.raw[: int(section[1])]
                self.writer.write(f"{head} BODY[]<0> {{{len(data)}}}\r\n".encode() + data + b")\r\n")
            else:
                self.say(f"{head})".encode())
        return "OK fetched"

    def store(self, rest: str) -> str:
        if self.read_only:
            return "NO read only"
        which, _space, what = rest.partition(" ")
        for letter in self.named(which):
            letter.flags |= set(re.findall(r"\\\w+", what))
        return "OK stored"

    def copy(self, rest: str) -> str:
        which, _space, name = rest.partition(" ")
        to = self.server.folders.get(name.strip('"'))
        if to is None:
            return "NO [TRYCREATE] no such folder"
        for letter in self.named(which):
            to.add(letter.raw, at=letter.at, flags=letter.flags)
        return "OK copied"

    def move(self, rest: str) -> str:
        moved = self.named(rest.partition(" ")[0])
        answer = self.copy(rest)
        if answer.startswith("OK"):
            for letter in moved:
                self.letters.remove(letter)
        return answer

    def expunge(self, rest: str) -> str:
        for letter in self.named(rest):
            if "\\Deleted" in letter.flags:
                self.letters.remove(letter)
        return "OK expunged"


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
