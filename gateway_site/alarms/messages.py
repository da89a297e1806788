"""Messages to the channels: queued with the incident, sent one by one, tried again, given up after a day."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from gateway_site.alarms.channels import ChannelError, send
from gateway_site.alarms.models import AlarmChannel, AlarmMessage, Incident, Occasion

log = structlog.get_logger()

#: Messages sent in one turn.
AT_ONCE = 20
FIRST_WAIT, MAXIMUM_WAIT = timedelta(seconds=15), timedelta(minutes=30)
#: A message that could not be sent for this long is given up.
GIVE_UP_AFTER = timedelta(days=1)


def queue_messages(incident: Incident, occasion: Occasion, text: str, now: datetime) -> None:
    """Queue a message to every channel that is to hear of it now. Belongs into the incident's transaction."""
    moment = timezone.localtime(now).time()
    channels = AlarmChannel.objects.filter(enabled=True)
    AlarmMessage.objects.bulk_create(
        AlarmMessage(incident=incident, channel=one, occasion=occasion, text=text[:700], created_at=now, next_at=now)
        for one in channels
        if incident.rule.is_urgent or not one.is_quiet(moment)
    )


def send_due(now: Callable[[], datetime]) -> int:
    """Send what is due, oldest first; return how many went out."""
    due = AlarmMessage.objects.filter(next_at__lte=now()).select_related("channel", "incident__rule").order_by("id")
    return sum(_send(message, now()) for message in due[:AT_ONCE])


def _send(message: AlarmMessage, now: datetime) -> bool:
    """Send one message. Claimed first: a second worker that looks at the same moment finds it put off."""
    wait = min(FIRST_WAIT * 2 ** min(message.attempts, 10), MAXIMUM_WAIT)
    claimed = AlarmMessage.objects.filter(pk=message.pk, next_at=message.next_at).update(
        next_at=now + wait, attempts=message.attempts + 1
    )
    if not claimed:
        return False
    try:
        send(message)
    except ChannelError as error:
        _note_failure(message, str(error)[:300], now)
        return False
    AlarmMessage.objects.filter(pk=message.pk).update(next_at=None, sent_at=now, error="")
    AlarmChannel.objects.filter(pk=message.channel_id).update(sent_at=now, error="")
    return True


def _note_failure(message: AlarmMessage, error: str, now: datetime) -> None:
    log.warning("alarm_not_sent", channel=message.channel.name, error=error)
    AlarmChannel.objects.filter(pk=message.channel_id).update(failed_at=now, error=error)
    is_over = now - message.created_at > GIVE_UP_AFTER
    AlarmMessage.objects.filter(pk=message.pk).update(error=error, **({"next_at": None} if is_over else {}))


def send_test(channel: AlarmChannel, now: datetime) -> str:
    """Send a test message at once; return the error, empty when it went out."""
    text = "This is a test of the alarms of the QMS Gateway."
    message = AlarmMessage.objects.create(
        channel=channel, occasion=Occasion.TEST, text=text, created_at=now, next_at=now
    )
    _send(message, now)
    message.refresh_from_db()
    AlarmMessage.objects.filter(pk=message.pk).update(next_at=None)
    return message.error
