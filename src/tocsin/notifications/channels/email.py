"""E-mail over SMTP, with a password as the secret where there is a user name."""

import asyncio
import base64
import re
import smtplib
import ssl
from email.message import EmailMessage

from tocsin.jobs.ports import RetryLater
from tocsin.notifications.contracts import Channel, Notice
from tocsin.notifications.sending import MAX_REASON_CHARACTERS, TIMEOUT_SECONDS, Refused, pause_seconds
from tocsin.notifications.wording import lines, subject

MAX_SUBJECT_CHARACTERS = 200

_SIGNED_IN = 235

_ADDRESS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAILBOX = rf"(?:{_ADDRESS}|[A-Za-z0-9 _-]{{1,100}}<{_ADDRESS}>)"
_ONE = re.compile(_MAILBOX)
_SEVERAL = re.compile(rf"{_MAILBOX}(?:, *{_MAILBOX})*")


def email_message(channel: Channel, notice: Notice) -> EmailMessage:
    """The message; those of one incident are one thread."""
    message = EmailMessage()
    message["Subject"] = subject(notice)[:MAX_SUBJECT_CHARACTERS]
    message["From"] = channel.settings["from"]
    message["To"] = channel.settings["to"]
    message["Message-ID"] = f"<{notice.id}@tocsin.invalid>"
    if not notice.is_test:
        message["References"] = f"<incident-{notice.newest.incident.id}@tocsin.invalid>"
    message.set_content("\n".join(lines(notice)) + "\n")
    return message


def check_addresses(sender: str, recipients: str) -> None:
    """Let addresses pass that a header can be made of: the library fails on some others.

    Raises:
        ValueError: the message says how to write them.
    """
    if not _ONE.fullmatch(sender):
        raise ValueError("from is an address like tocsin@example.com or Tocsin <tocsin@example.com>")
    if not _SEVERAL.fullmatch(recipients):
        raise ValueError("to is an address like oncall@example.com, or several with commas between them")


async def send_email(
    channel: Channel, notice: Notice, *, attempt: int, timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Return once the server has taken the message.

    Raises:
        RetryLater: the server may take it later.
        Refused: it never will.
    """
    message = email_message(channel, notice)
    try:
        await asyncio.to_thread(_deliver, channel, message, timeout_seconds)
    except smtplib.SMTPRecipientsRefused as error:
        raise _meaning(*next(iter(error.recipients.values())), attempt) from error
    except smtplib.SMTPResponseException as error:
        raise _meaning(error.smtp_code, error.smtp_error, attempt) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(f"the mail server can't do what the channel asks for: {error}") from error
    except UnicodeError as error:
        # What the library says of a host such as "a..b".
        raise Refused("the host is not one that a mail server can have") from error
    except (smtplib.SMTPException, OSError) as error:
        reason = f"the mail server can't be reached ({type(error).__name__})"
        raise RetryLater(reason, after_seconds=pause_seconds(attempt)) from error


def _deliver(channel: Channel, message: EmailMessage, timeout_seconds: float) -> None:
    settings = channel.settings
    security = settings.get("security", "starttls")
    host, port = settings["host"], int(settings.get("port", "587"))
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(host, port, timeout=timeout_seconds, context=context)
        if security == "tls"
        else smtplib.SMTP(host, port, timeout=timeout_seconds)
    ) as server:
        if security == "starttls":
            server.starttls(context=context)
        if settings.get("username"):
            _sign_in(server, settings["username"], channel.secret)
        server.send_message(message)


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    if user.isascii() and password.isascii():
        server.login(user, password)
        return
    # The library knows ASCII only. Source: RFC 4616, PLAIN with UTF-8.
    server.ehlo_or_helo_if_needed()
    shown = base64.b64encode("\0".join(("", user, password)).encode()).decode()
    code, said = server.docmd("AUTH", f"PLAIN {shown}")
    if code != _SIGNED_IN:
        raise smtplib.SMTPAuthenticationError(code, said)


def _meaning(code: int, said: bytes | str, attempt: int) -> RetryLater | Refused:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    reason = f"the mail server answered {code}: {text}"[:MAX_REASON_CHARACTERS]
    if 400 <= code < 500:
        return RetryLater(reason, after_seconds=pause_seconds(attempt))
    return Refused(reason)
