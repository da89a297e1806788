"""Mail the report of a month: on the first working day after it, to the addresses that the site has set."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse

from calls.models import MailedMonth
from calls.objectives.files import CONTENT_TYPES, month_file
from calls.objectives.months import month_report
from calls.objectives.promises import MonthReport
from calls.objectives.targets import months_before
from calls.objectives.text import first_line, month_name
from calls.report.links import public_link
from clock.text import site_time

log = structlog.get_logger()

#: When on the first working day, by the site's clock, the report is mailed; later where the gateway was down.
MAIL_AT = time(7)
#: How long it is made up for: whoever sets recipients in the middle of a month gets no report of the last one.
MADE_UP_FOR = timedelta(days=7)
MONDAY_TO_FRIDAY = frozenset(range(5))


def month_message(report: MonthReport, addresses: Sequence[str]) -> EmailMultiAlternatives:
    """Return a mail with the report as HTML and as a PDF."""
    link = public_link(f"{reverse('objectives')}?month={report.month:%Y-%m}")
    text = "\n\n".join(filter(None, (first_line(report), link)))
    subject = f"QMS Gateway: {first_line(report)}"
    message = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, list(addresses))
    message.attach_alternative(month_file(report, "html", link).decode(), "text/html")
    name = f"{month_name(report.month).replace(' ', '-')}.pdf"
    message.attach(name, month_file(report, "pdf"), CONTENT_TYPES["pdf"])
    return message


def mail_monthly(now: datetime) -> bool:
    """Mail the report of the last month where it is due and was not mailed yet. Harmless when run twice."""
    local = site_time(now)
    due = datetime.combine(first_working_day(local.date()), MAIL_AT, local.tzinfo)
    if not settings.REPORT_MAIL_TO or not settings.CAN_MAIL or not due <= local < due + MADE_UP_FOR:
        return False
    (month,) = months_before(local.date().replace(day=1), 2)[:1]
    # Claimed first, so that two workers send one mail; a failure gives it back for the next run.
    claim, is_new = MailedMonth.objects.get_or_create(month=month, defaults={"at": now})
    if not is_new:
        return False
    try:
        month_message(month_report(month, now), settings.REPORT_MAIL_TO).send()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; a wrong address is a ValueError.
        claim.delete()
        log.warning("month_not_mailed", month=f"{month:%Y-%m}", error=type(error).__name__)
        return False
    return True


def first_working_day(day: date) -> date:
    """Return the first day of a day's month on which people work, by ``WORKING_HOURS`` or from Monday to Friday."""
    hours = settings.WORKING_HOURS
    days = hours.days if hours else MONDAY_TO_FRIDAY
    week = (day.replace(day=1) + timedelta(days=ahead) for ahead in range(7))
    return next(one for one in week if one.weekday() in days)
