"""Send a message: by mail, or to a webhook in the form that its receiver reads."""

import json
import smtplib
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse

from calls.api import public_link
from gateway_site.alarms.models import AlarmChannelKind, AlarmMessage, Occasion
from qms.api import is_guarded_host

TIMEOUT = 10.0  # seconds
#: What the link to the incident is called.
OPEN = "Open in the QMS Gateway"
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


class ChannelError(Exception):
    """A message was not taken; it may be tried again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that leads elsewhere is refused: what it leads to was not entered by an administrator."""

    def redirect_request(self, *_: Any) -> None:
        return None


def send(message: AlarmMessage) -> None:
    """Send a message over its channel. Raises ``ChannelError``."""
    if message.channel.kind == AlarmChannelKind.MAIL:
        _mail(message)
    else:
        _post(message)


def title(message: AlarmMessage) -> str:
    """Return the first line: what, and whether it begins or ends."""
    about = str(message.incident) if message.incident else "Alarm"
    return f"QMS Gateway: {about} ({message.get_occasion_display()})"


def link(message: AlarmMessage) -> str:
    """Return the address of the incident, or of all of them for a test; "" where ``PUBLIC_URL`` is not known."""
    incident = message.incident
    if incident is None:
        return public_link(reverse("admin:alarms_incident_changelist"))
    return public_link(reverse("admin:alarms_incident_change", args=[incident.pk]))


def _mail(message: AlarmMessage) -> None:
    if not settings.CAN_MAIL:
        raise ChannelError("EMAIL_URL names no mail server.")
    to = [one.strip() for one in message.channel.target.split(",") if one.strip()]
    began = f"Since {message.incident.began_at:%Y-%m-%d %H:%M:%S} UTC." if message.incident else ""
    text = "\n\n".join(filter(None, (message.text, began, link(message))))
    try:
        send_mail(title(message), text, settings.DEFAULT_FROM_EMAIL, to)
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(f"the mail server refused: {type(error).__name__}") from error


def _post(message: AlarmMessage) -> None:
    channel = message.channel
    url = channel.target or PAGERDUTY
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme not in ("http", "https") or is_guarded_host(host):
        raise ChannelError("the address may not be called: it must be http(s) and not link-local.")
    headers = {"Content-Type": "application/json", "User-Agent": "qms-gateway"}
    if channel.kind == AlarmChannelKind.JSON and channel.secret:
        headers["Authorization"] = f"Bearer {channel.secret.reveal()}"
    body = json.dumps(payload(message)).encode()
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(urllib.request.Request(url, body, headers), timeout=TIMEOUT):  # noqa: S310  (http(s) alone)
            return
    except urllib.error.HTTPError as error:
        raise ChannelError(f"the webhook answered {error.code}") from error
    except OSError as error:
        raise ChannelError(f"the webhook was not reached: {type(error).__name__}") from error


def payload(message: AlarmMessage) -> dict[str, Any]:
    """Return a message's body in the form of the channel's receiver."""
    forms = {AlarmChannelKind.TEAMS: _teams, AlarmChannelKind.SLACK: _slack, AlarmChannelKind.PAGERDUTY: _pagerduty}
    return forms.get(AlarmChannelKind(message.channel.kind), _plain)(message)


def _plain(message: AlarmMessage) -> dict[str, Any]:
    incident = message.incident
    return {
        "occasion": message.occasion,
        "incident": incident.pk if incident else None,
        "rule": incident.rule.key if incident else None,
        "subject": incident.subject if incident else "",
        "title": title(message),
        "text": message.text,
        "url": link(message),
        "began_at": incident.began_at.isoformat() if incident else None,
        "ended_at": incident.ended_at.isoformat() if incident and incident.ended_at else None,
        "is_urgent": incident.rule.is_urgent if incident else False,
    }


def _teams(message: AlarmMessage) -> dict[str, Any]:
    """Return an Adaptive Card, as a Teams workflow takes it."""
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "weight": "Bolder", "text": title(message), "wrap": True},
            {"type": "TextBlock", "text": message.text, "wrap": True},
        ],
    }
    if url := link(message):
        card["actions"] = [{"type": "Action.OpenUrl", "title": OPEN, "url": url}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _slack(message: AlarmMessage) -> dict[str, Any]:
    url = link(message)
    return {"text": f"*{title(message)}*\n{message.text}" + (f"\n<{url}|{OPEN}>" if url else "")}


def _pagerduty(message: AlarmMessage) -> dict[str, Any]:
    incident = message.incident
    severity = "critical" if incident and incident.rule.is_urgent else "warning"
    return {
        "routing_key": message.channel.secret.reveal(),
        "event_action": "resolve" if message.occasion in (Occasion.END, Occasion.TEST) else "trigger",
        "dedup_key": f"qms-gateway-{incident.pk if incident else 'test'}",
        "payload": {
            "summary": f"{title(message)}: {message.text}"[:1024],
            "source": "qms-gateway",
            "severity": severity,
        },
        "links": [{"href": url, "text": OPEN}] if (url := link(message)) else [],
    }
