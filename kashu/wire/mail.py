"""Mail by SMTP. What a server has not been told to keep was certainly not taken; after the text left, only it can say."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlsplit

from kashu.messages import Answer, Outcome, Sender
from kashu.wire.sms import Letter

TIMEOUT_SECONDS = 10
ON_THE_WIRE = SMTP.clone(cte_type="7bit")  # lines end in CRLF, and nothing depends on what a server can do
PORTS = {"smtp": 587, "smtps": 465}
AT_HOME = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Mail:
    """`endpoint` is smtp://host:port (STARTTLS) or smtps://host:port; `app` is the address it comes from."""

    sender: Sender
    secret: str

    def send(self, letter: Letter) -> Answer:
        try:
            server = self._begin()
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, is_number=False)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Answer(Outcome.REFUSED, trouble=type(error).__name__)
        try:
            return self._hand_over(server, letter)
        finally:
            server.close()

    def ask(self, letter: Letter) -> Answer:  # noqa: ARG002  # the protocol's signature
        """Nobody can be asked about mail."""
        return Answer(Outcome.UNKNOWN, trouble="nobody to ask")

    def _hand_over(self, server: smtplib.SMTP, letter: Letter) -> Answer:
        try:
            code, _told = server.rcpt(letter.to)
        except (smtplib.SMTPException, OSError) as error:
            return Answer(Outcome.REFUSED, trouble=type(error).__name__)
        if code not in (250, 251):
            return _refused(code, is_number=True)
        try:
            code, _told = server.data(self._text(letter))
        except smtplib.SMTPDataError as error:  # it would not even hear the text
            return _refused(error.smtp_code, is_number=False)
        except (smtplib.SMTPException, OSError) as error:
            return Answer(Outcome.UNKNOWN, trouble=type(error).__name__)
        return Answer(Outcome.TAKEN, self._id(letter)) if code == 250 else _refused(code, is_number=False)

    def _begin(self) -> smtplib.SMTP:
        """A server that has heard who writes, over TLS unless it is our own machine."""
        url, context = urlsplit(self.sender.endpoint), ssl.create_default_context()
        host, port = url.hostname or "", url.port or PORTS.get(url.scheme, 0)
        if url.scheme not in PORTS or not host:
            raise ValueError("not an address of a mail server")
        server: smtplib.SMTP
        if url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if url.scheme == "smtp" and host not in AT_HOME:
                server.starttls(context=context)
                server.ehlo()
            if self.sender.key_id:
                server.login(self.sender.key_id, self.secret)
            code, told = server.mail(self.sender.app)
        except BaseException:
            server.close()
            raise
        if code != 250:
            server.close()
            raise smtplib.SMTPResponseException(code, told)
        return server

    def _text(self, letter: Letter) -> bytes:
        mail = EmailMessage()
        mail["From"], mail["To"] = self.sender.app, letter.to
        mail["Subject"] = letter.template_id
        mail["Date"], mail["Message-ID"] = format_datetime(letter.asked_at), self._id(letter)
        mail.set_content(letter.text)
        return mail.as_bytes(policy=ON_THE_WIRE)

    def _id(self, letter: Letter) -> str:
        return f"<{letter.message_id}@{self.sender.app.partition('@')[2] or 'kashu'}>"


def _refused(code: int, *, is_number: bool) -> Answer:
    return Answer(Outcome.REFUSED, trouble=f"SMTP {code}", is_final=is_number and code >= 500)
