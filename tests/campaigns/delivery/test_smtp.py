"""The SMTP client against a server that says what it is told to say: what it believes, what it refuses, and what it never sends."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from campaigns.delivery import replies, smtp
from campaigns.delivery.smtp import Client, Dropped, NotLetIn, Server, TransportDown

EHLO = b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"


class Script:
    """Answers by the first word of a line; `heard` is every line that came."""

    def __init__(self, **answers: bytes) -> None:
        self.answers: dict[str, bytes | None] = {"EHLO": EHLO, "QUIT": b"221 bye\r\n"} | {
            name.upper(): said for name, said in answers.items()
        }
        self.heard: list[bytes] = []
        self.upgrade: Callable[[asyncio.StreamWriter], object] | None = None
        self.sessions: list[tuple[asyncio.Task, asyncio.StreamWriter]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions.append((asyncio.current_task(), writer))
        with suppress(OSError):
            await self.talk(reader, writer)

    async def end(self) -> None:
        for task, writer in self.sessions:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answers.get("GREETING", b"220 mx.test\r\n"))
        while line := await reader.readline():
            self.heard.append(line)
            word = line.split()[0].decode().upper() if line.split() else "EMPTY"
            said = self.answers.get(word, b"250 2.0.0 Ok\r\n")
            if said is None:  # it has had enough
                return writer.close()
            writer.write(said)
            if word == "STARTTLS" and self.upgrade:
                await writer.drain()
                await self.upgrade(writer)  # type: ignore[misc]

    @property
    def words(self) -> list[bytes]:
        return [line.split()[0] if line.split() else b"" for line in self.heard]


@asynccontextmanager
async def talking(script: Script, query: str = "", user: str = "", tls: ssl.SSLContext | None = None):
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    client = Client(Server.of(f"{'smtps' if tls else 'smtp'}://{user}localhost:{port}{query}"), "us.test")
    try:
        yield client
    finally:
        client.abort()
        server.close()
        await script.end()
        await asyncio.sleep(0.01)  # the client's side is told


def meeting(script: Script, then: Callable | None = None, **options):
    """Connect, do `then` with the client, and return what that gives."""

    async def go():
        async with asyncio.timeout(10), talking(script, **options) as client:
            await client.connect()
            return await then(client) if then else None

    return asyncio.run(go())


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """(server's context, path of the certificate that clients shall trust)"""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


def trust(monkeypatch, path):
    real = ssl.create_default_context
    monkeypatch.setattr(smtp.ssl, "create_default_context", lambda: real(cafile=str(path)))


@pytest.mark.parametrize(
    "said",
    [b"hello there\r\n", b"2500 Ok\r\n", b"199 Ok\r\n", b"250-one\r\n251 two\r\n", b"25\r\n"],
    ids=["words", "four-digits", "no-class", "two-codes", "two-digits"],
)
def test_what_is_no_reply_ends_the_connection(said):
    with pytest.raises(TransportDown, match="no reply"):
        meeting(Script(greeting=said))


def test_a_reply_without_an_end_ends_the_connection(monkeypatch):
    monkeypatch.setattr(replies, "LONGEST_LINE", 2000)

    with pytest.raises(TransportDown, match="no end"):
        meeting(Script(greeting=b"220 " + b"x" * 3000))


def test_a_reply_of_several_lines_is_one():
    async def envelope(client):
        return await client.envelope("a@us.test", "b@them.test")

    reply = meeting(
        Script(mail=b"250 Ok\r\n", rcpt=b"550-5.1.1 No\r\n550 such user\r\n", data=b"554 none\r\n"), envelope
    )

    assert (reply.code, reply.text, reply.status) == (550, "5.1.1 No\nsuch user", "5.1.1")


def test_a_server_that_says_nothing_is_left():
    async def envelope(client):
        return await client.reply(0.05)

    with pytest.raises(TransportDown, match="did not answer within"):
        meeting(Script(), envelope)


def test_a_reply_with_lines_without_end_ends_the_connection(monkeypatch):
    monkeypatch.setattr(replies, "MOST_LINES", 50)

    with pytest.raises(TransportDown, match="no end"):
        meeting(Script(greeting=b"220-again\r\n" * 60))


async def send_one(client):
    """One message, and what is said to it."""
    reply = await client.envelope("a@us.test", "b@them.test")
    assert reply.code == 354
    for piece in client.message_pieces(b"Subject: x\r\n\r\nx\r\n"):
        client.write(piece)
    return await client.message_reply()


@pytest.mark.parametrize("pipelines", [True, False])
def test_each_answer_is_waited_for_as_long_as_the_standard_says(monkeypatch, pipelines):
    """RFC 5321, 4.5.3.2: greeting, MAIL and RCPT five minutes, DATA two, the answer to a message ten."""
    waited = []
    real = replies.Replies.reply

    async def reply(self, seconds):
        waited.append(seconds)
        return await real(self, seconds)

    monkeypatch.setattr(replies.Replies, "reply", reply)
    ehlo = EHLO if pipelines else b"250 mx.test\r\n"
    answers = {"data": b"354 go\r\n", "subject:": b"", "x": b"", ".": b"250 taken\r\n"}

    assert meeting(Script(ehlo=ehlo, **answers), send_one).code == 250

    assert waited[0] == 300  # 220
    assert waited[2:5] in ([300, 300, 120], [600])  # pipelined replies that came together are not waited for one by one
    assert waited[-1] == 600
    assert smtp.RFC_5321[3:] == (300, 300, 120, 180, 600)


def test_who_is_told_to_hurry_waits_a_tenth(monkeypatch):
    monkeypatch.setattr(smtp, "RFC_5321", smtp.RFC_5321._replace(dot=60))

    async def ask(client):
        waiting = asyncio.create_task(client.message_reply())
        await asyncio.sleep(0)
        for _beat in range(50):  # however often it is told
            client.hurry()
        assert client._replies.seconds == 6
        client.hurry()
        client._replies._late = 0  # as if they had passed
        client._replies._look()
        await waiting

    with pytest.raises(TransportDown, match="within 6 s"):
        meeting(Script(), ask)


def test_what_the_server_does_not_take_has_not_left(monkeypatch):
    monkeypatch.setattr(smtp, "RFC_5321", smtp.RFC_5321._replace(block=0.05))
    script = Script()

    async def talk(reader, writer):
        writer.write(b"220 mx.test\r\n")
        await reader.readline()
        writer.write(EHLO)
        await asyncio.sleep(60)  # it reads no more

    script.talk = talk

    async def send(client):
        assert not client.is_behind
        client.write(b"x" * 40_000_000)
        assert client.is_behind
        await client.left()

    with pytest.raises(TransportDown, match="took nothing"):
        meeting(script, send)


@pytest.mark.parametrize("pipelines", [True, False])
@pytest.mark.parametrize("said", [b"250 Ok\r\n", b"350 hm\r\n"])
def test_a_yes_to_data_is_no_yes_to_the_message(said, pipelines):
    async def envelope(client):
        return await client.envelope("a@us.test", "b@them.test")

    with pytest.raises(Dropped, match="answered the envelope with 250, 250, "):
        meeting(Script(ehlo=EHLO if pipelines else b"250 mx.test\r\n", data=said), envelope)


@pytest.mark.parametrize(("data", "rset"), [(b"554 none\r\n", None), (b"354 go\r\n", b""), (None, b"")])
def test_what_was_said_of_a_recipient_stands_when_the_server_closes_behind_it(data, rset):
    """Each has its words: the refusal is the recipient's, and not the road's."""
    script = Script(rcpt=b"550 5.1.1 No such user\r\n")
    script.answers |= {"DATA": data, "RSET": rset, ".": None}

    async def envelope(client):
        return await client.envelope("a@us.test", "b@them.test")

    if data is None:
        with pytest.raises(Dropped, match="550 5.1.1 No such user; "):
            meeting(script, envelope)
    else:
        assert meeting(script, envelope) == (550, "5.1.1 No such user")


def test_421_at_data_leaves_the_recipients_refusal():
    async def envelope(client):
        return await client.envelope("a@us.test", "b@them.test")

    script = Script(rcpt=b"550 5.1.1 No such user\r\n", data=b"421 bye\r\n")
    assert meeting(script, envelope).code == 550
    with pytest.raises(Dropped, match="421 bye"):
        meeting(Script(data=b"421 bye\r\n"), envelope)
    with pytest.raises(TransportDown, match="said 421 bye") as down:
        meeting(Script(mail=b"421 bye\r\n"), envelope)
    assert not isinstance(down.value, Dropped)


def test_what_nobody_asked_for_is_noticed_before_a_message_leaves():
    async def envelope(client):
        reply = await client.envelope("a@us.test", "b@them.test")
        await asyncio.sleep(0.05)
        return reply.code, client.has_said_more

    assert meeting(Script(data=b"354 go\r\n"), envelope) == (354, False)
    assert meeting(Script(data=b"354 go\r\n250 already?\r\n"), envelope) == (354, True)


@pytest.mark.parametrize("offered", [b"PLAIN", b"LOGIN"])
@pytest.mark.parametrize(("said", "is_final"), [(b"535 5.7.8 no\r\n", True), (b"454 4.7.0 later\r\n", False)])
def test_a_refused_password_says_so_and_nothing_of_itself(offered, said, is_final):
    script = Script(ehlo=b"250-mx.test\r\n250 AUTH " + offered + b"\r\n")
    script.answers |= {"AUTH": said if offered == b"PLAIN" else b"334 VXNlcm5hbWU6\r\n"}
    script.answers |= {"BWU=": b"334 UGFzc3dvcmQ6\r\n", "C2VJCMV0": said}

    with pytest.raises(TransportDown, match="refused AUTH: ") as refused:
        meeting(script, user="me:secret@")

    assert "c2VjcmV0" not in str(refused.value)
    assert isinstance(refused.value, NotLetIn) == is_final


@pytest.mark.parametrize(
    ("offered", "words"), [(b"PLAIN LOGIN", [b"AUTH"]), (b"LOGIN", [b"AUTH", b"bWU=", b"c2VjcmV0"])]
)
def test_signing_in_by_what_the_server_offers(offered, words):
    script = Script(ehlo=b"250-mx.test\r\n250 AUTH " + offered + b"\r\n")
    script.answers |= {"AUTH": b"235 ok\r\n" if b"PLAIN" in offered else b"334 VXNlcm5hbWU6\r\n"}
    script.answers |= {"BWU=": b"334 UGFzc3dvcmQ6\r\n", "C2VJCMV0": b"235 ok\r\n"}

    meeting(script, user="me:secret@")

    assert script.words[1:] == words


def test_signing_in_with_a_token():
    script = Script(auth=b"235 ok\r\n")

    meeting(script, user="me:tok@", query="?auth=xoauth2")

    mechanism, token = script.heard[1].split()[1:]
    assert (mechanism, base64.b64decode(token)) == (b"XOAUTH2", b"user=me\1auth=Bearer tok\1\1")


def test_a_token_that_is_refused_says_so_and_nothing_of_itself():
    script = Script(auth=b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", empty=b"535 5.7.8 expired\r\n")

    with pytest.raises(TransportDown, match="535 5.7.8 expired") as refused:
        meeting(script, user="me:s3cr3t@", query="?auth=xoauth2")

    assert "s3cr3t" not in str(refused.value)


def test_without_starttls_nothing_is_sent_in_the_clear():
    script = Script(auth=b"235 ok\r\n")

    with pytest.raises(TransportDown, match="offers no STARTTLS"):
        meeting(script, user="me:secret@", query="?tls=starttls")

    assert script.words == [b"EHLO"]


def test_what_was_put_behind_starttls_is_not_believed():
    script = Script(ehlo=b"250-mx.test\r\n250 STARTTLS\r\n", starttls=b"220 go\r\n250 AUTH PLAIN\r\n")

    with pytest.raises(TransportDown, match="between STARTTLS and TLS"):
        meeting(script, query="?tls=starttls")


def test_starttls_then_sign_in(certified, monkeypatch):
    context, path = certified
    trust(monkeypatch, path)
    script = Script(
        ehlo=b"250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", starttls=b"220 go\r\n", auth=b"235 ok\r\n"
    )
    script.upgrade = lambda writer: writer.start_tls(context)

    meeting(script, user="me:secret@", query="?tls=starttls")

    assert script.words == [b"EHLO", b"STARTTLS", b"EHLO", b"AUTH"]


def test_what_the_server_said_before_tls_counts_no_more(certified, monkeypatch):
    context, path = certified
    trust(monkeypatch, path)
    script = Script(ehlo=b"250-mx.test\r\n250-SIZE 5\r\n250-PIPELINING\r\n250 STARTTLS\r\n", starttls=b"220 go\r\n")

    async def upgrade(writer):
        await writer.start_tls(context)
        script.answers["EHLO"] = b"250 mx.test\r\n"

    script.upgrade = upgrade

    async def ask(client):
        return client.max_size, client.extensions

    assert meeting(script, ask, query="?tls=starttls") == (0, set())


def test_implicit_tls_and_a_certificate_that_nobody_vouches_for(certified, monkeypatch):
    context, path = certified
    with pytest.raises(TransportDown, match="certificate"):
        meeting(Script(), tls=context)
    trust(monkeypatch, path)
    script = Script()

    meeting(script, tls=context)

    assert script.words == [b"EHLO"]


def test_addresses_that_the_server_cannot_take_never_reach_it():
    async def ask(client):
        return [client.refusal(to) for to in ("b@them.test", "ñ@them.test", "b@x>\r\nRSET", "b c@them.test")]

    plain = meeting(Script(), ask)
    wide = meeting(Script(ehlo=b"250-mx.test\r\n250 SMTPUTF8\r\n"), ask)

    assert [bool(why) for why in plain] == [False, True, True, True]
    assert [bool(why) for why in wide] == [False, False, True, True]


def test_a_message_that_is_larger_than_the_server_said():
    async def ask(client):
        return client.max_size, client.too_large(999), client.too_large(1200)

    limit, fits, large = meeting(Script(), ask)

    assert (limit, fits) == (1000, "")
    assert "1,200 bytes" in large


@pytest.mark.parametrize(
    "message", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n", b"\n"], ids=["lf", "cr", "dot-lf", "only-lf"]
)
def test_a_bare_line_end_is_refused(message):
    with pytest.raises(ValueError, match="by itself"):
        Client(Server("localhost", 25), "us.test").message_pieces(message)


def test_dots_at_the_beginning_of_lines_are_doubled():
    client = Client(Server("localhost", 25), "us.test")

    assert client.message_pieces(b".a\r\n.\r\n..b\r\nc.") == [b"..a\r\n..\r\n...b\r\nc.\r\n.\r\n"]
