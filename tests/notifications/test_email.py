"""Mail over TLS and with a password, at a server that has both; certificates are made here, and are really checked."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounts.clock import HeldClock
from tests.notifications.conftest import OURS, event
from tocsin.incidents.contracts import Change
from tocsin.jobs.ports import RetryLater
from tocsin.kit.errors import InvalidRequest
from tocsin.notifications.channels.dispatch import check_channel
from tocsin.notifications.channels.email import _SEVERAL, MAX_SUBJECT_CHARACTERS, email_message, send_email
from tocsin.notifications.contracts import Channel, ChannelKind, Notice
from tocsin.notifications.sending import Refused

PASSWORD = "pässwörd"


@dataclass
class Mailbox:
    """An SMTP server that takes mail from ``tocsin`` alone, after it has shown its password."""

    context: ssl.SSLContext
    offers: list[str] = field(default_factory=lambda: ["STARTTLS", "AUTH PLAIN"])
    is_encrypted: bool = False
    is_signed_in: bool = False
    port: int = 0
    messages: list[bytes] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 test\r\n")
            while line := (await reader.readline()).decode().strip():
                await self._answer(line, reader, writer)
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                lines = ["test", *self.offers]
                pairs = zip([*"-" * (len(lines) - 1), " "], lines, strict=True)
                writer.write("".join(f"250{sign}{text}\r\n" for sign, text in pairs).encode())
            case "STARTTLS":
                writer.write(b"220 go on\r\n")
                await writer.start_tls(self.context)
                self.is_encrypted = True
            case "AUTH":
                given = base64.b64decode(rest.split()[1]).decode()
                self.is_signed_in = self.is_encrypted and given == f"\0tocsin\0{PASSWORD}"
                writer.write(b"235 welcome\r\n" if self.is_signed_in else b"535 who are you\r\n")
            case "DATA" if self.is_signed_in:
                writer.write(b"354 go on\r\n")
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 ok\r\n")
            case "RSET" | "QUIT":
                writer.write(b"250 ok\r\n" if verb == "RSET" else b"221 bye\r\n")
            case _:
                writer.write(b"250 ok\r\n" if self.is_signed_in else b"530 sign in\r\n")


Serving = Callable[..., AbstractAsyncContextManager[Mailbox]]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return path


@pytest.fixture
def serving(certificate: Path) -> Serving:
    @asynccontextmanager
    async def serve(*, tls: bool = False, offers: list[str] | None = None) -> AsyncIterator[Mailbox]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        mailbox = Mailbox(context, is_encrypted=tls)
        mailbox.offers = mailbox.offers if offers is None else offers
        server = await asyncio.start_server(mailbox.handle, "127.0.0.1", 0, ssl=context if tls else None)
        mailbox.port = server.sockets[0].getsockname()[1]
        try:
            yield mailbox
        finally:
            server.close()
            await server.wait_closed()

    return serve


@pytest.fixture
def is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is one of those that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def _send(mailbox: Mailbox, *, secret: str = PASSWORD, title: str = "checkout", **more: str) -> Awaitable[None]:
    channel = _channel(mailbox.port, secret=secret, username="tocsin", **more)
    return send_email(channel, _notice(title), attempt=1, timeout_seconds=5)


def _notice(title: str) -> Notice:
    return Notice(id=UUID(int=9), events=[event(HeldClock(), 1, Change.OPENED, title=title)])


def _channel(port: int, *, secret: str = "", **more: str) -> Channel:
    usual = {"host": "127.0.0.1", "port": str(port), "from": "a@b.example", "to": "c@d.example"}
    return Channel(
        id=UUID(int=1),
        organization_id=OURS,
        name="mail",
        kind=ChannelKind.EMAIL,
        settings=usual | more,
        secret=secret,
        per_minute=1,
        created_at=datetime(2026, 11, 25, tzinfo=UTC),
    )


@pytest.mark.usefixtures("is_trusted")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_is_sent_over_tls_with_a_password(serving: Serving, security: str) -> None:
    async with serving(tls=security == "tls") as mailbox:
        await _send(mailbox, security=security)
    [sent] = mailbox.messages
    message = message_from_bytes(sent)
    assert (message["To"], message["Message-ID"]) == ("c@d.example", f"<{UUID(int=9)}@tocsin.invalid>")
    assert mailbox.is_encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_no_password_is_sent_to_a_server_that_is_not_trusted(serving: Serving, security: str) -> None:
    async with serving(tls=security == "tls") as mailbox:
        with pytest.raises(RetryLater, match="SSLCertVerificationError"):
            await _send(mailbox, security=security)
    assert not mailbox.is_signed_in


@pytest.mark.usefixtures("is_trusted")
async def test_no_password_is_sent_where_there_is_no_tls(serving: Serving) -> None:
    async with serving(offers=["AUTH PLAIN"]) as mailbox:
        with pytest.raises(Refused, match="can't do what the channel asks for"):
            await _send(mailbox)
    assert not mailbox.is_signed_in


@pytest.mark.usefixtures("is_trusted")
async def test_a_wrong_password_is_final(serving: Serving) -> None:
    async with serving() as mailbox:
        with pytest.raises(Refused, match="535: who are you"):
            await _send(mailbox, secret="another")


@pytest.mark.parametrize(
    ("sender", "recipients", "is_one"),
    [
        ("a@b.example", "c@d.example", True),
        ("Tocsin <a.b@c.example>", "Team on call <c@d.example>, e+f@g.example,h@i.example", True),
        ('"', "c@d.example", False),
        ("a@b.example, c@d.example", "c@d.example", False),
        ("a@b.example", "", False),
        ("a@b.example", "c@d.example,", False),
        ("a@b.example", "Group: c@d.example;", False),
        ("a..b@c.example", "c@d.example", False),
        ("a@b", "c", False),
    ],
)
def test_addresses_are_checked_when_a_channel_is_made(sender: str, recipients: str, is_one: bool) -> None:
    asked = {"host": "smtp.example", "from": sender, "to": recipients}
    if is_one:
        check_channel(ChannelKind.EMAIL, asked, "")
        return
    with pytest.raises(InvalidRequest):
        check_channel(ChannelKind.EMAIL, asked, "")


@settings(max_examples=50)
@given(st.from_regex(_SEVERAL, fullmatch=True), st.text(max_size=400))
def test_a_message_can_be_made_for_all_addresses_that_pass_and_any_title(recipients: str, title: str) -> None:
    message = email_message(_channel(1, to=recipients), _notice(title))
    assert message.as_bytes(policy=SMTP)
    assert message["Bcc"] is None


async def test_a_host_that_none_can_be_is_refused() -> None:
    with pytest.raises(Refused, match="the host is not one"):
        await send_email(_channel(1, host="a..b"), _notice("x"), attempt=1, timeout_seconds=5)


@pytest.mark.usefixtures("is_trusted")
async def test_a_title_adds_no_header(serving: Serving) -> None:
    async with serving() as mailbox:
        await _send(mailbox, title="x\r\nBcc: everybody@e.example\r\n\r\n" + "y" * 300)
    message = message_from_bytes(mailbox.messages[0], policy=SMTP)
    assert message["Bcc"] is None
    assert "Bcc: everybody" in message["Subject"]
    assert len(message["Subject"]) == MAX_SUBJECT_CHARACTERS
