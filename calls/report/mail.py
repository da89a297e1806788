"""Mail the reports that people want each week: on Monday morning, of the week before."""

from datetime import datetime, time

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.http import QueryDict
from django.utils import timezone

from calls.models import SavedReport
from calls.report.figures import report
from calls.report.files import CONTENT_TYPES, report_file
from calls.report.query import BadReport, ReportQuery
from calls.report.text import sentence, title
from calls.stats.dimensions import local_day

log = structlog.get_logger()

#: When on Monday, by the site's clock, the reports are mailed; later where the gateway was down.
MAIL_AT = time(7)
#: Maximum of reports mailed in one run; the next run continues.
MAXIMUM_AT_ONCE = 100


def mail_weekly(now: datetime) -> int:
    """Mail the reports that were not mailed in this week yet. Harmless when run twice; returns how many were sent."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    if not settings.CAN_MAIL or (local.weekday() == 0 and local.time() < MAIL_AT):
        return 0
    week = f"{local:%G-W%V}"
    due = SavedReport.objects.filter(weekly=True).exclude(mailed_week=week).order_by("pk")[:MAXIMUM_AT_ONCE]
    return sum(_mail(saved, week, now) for saved in due)


def _mail(saved: SavedReport, week: str, now: datetime) -> bool:
    """Claim the week first, so that two workers send one mail; a failure gives it back for the next run."""
    before = saved.mailed_week
    if not SavedReport.objects.filter(pk=saved.pk, mailed_week=before).update(mailed_week=week):
        return False
    reader = User.objects.filter(pk=saved.user_id, is_active=True).exclude(email="").first()
    if reader is None or not reader.has_perm("calls.view_leg"):
        return False
    try:
        _message(saved, reader.email, now).send()
    except (OSError, BadReport) as error:  # smtplib's errors are OSErrors.
        SavedReport.objects.filter(pk=saved.pk).update(mailed_week=before)
        log.warning("report_not_mailed", report=saved.pk, error=type(error).__name__)
        return False
    return True


def _message(saved: SavedReport, address: str, now: datetime) -> EmailMessage:
    asked: dict[str, str] = {name: str(value) for name, value in QueryDict(saved.query).items()}
    found = report(ReportQuery.read(asked | {"period": "last_week"}, local_day(now)))
    text = f"{title(found.query)}\n\n{sentence(found)}\n\nThe figures are attached.\n"
    message = EmailMessage(f"QMS Gateway: {saved.name}", text, settings.DEFAULT_FROM_EMAIL, [address])
    for kind in ("pdf", "csv"):
        message.attach(f"report.{kind}", report_file(found, kind), CONTENT_TYPES[kind].partition(";")[0])
    return message
