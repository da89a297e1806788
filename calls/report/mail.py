"""Mail the reports that people want each week: on Monday morning, of the week before."""

from datetime import datetime, time

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from calls.models import SavedReport
from calls.report.figures import ReportFigures, report
from calls.report.files import CONTENT_TYPES, report_file
from calls.report.links import public_link
from calls.report.query import BadReport, Period, ReportQuery
from calls.report.text import sentence, title
from calls.stats.dimensions import local_day

log = structlog.get_logger()

#: When on Monday, by the site's clock, the reports are mailed; later where the gateway was down.
MAIL_AT = time(7)
#: Lines of a report in the mail's own text; the attachments have all.
LINES_SHOWN = 10
#: Maximum of reports mailed in one run; the next run continues.
MAXIMUM_AT_ONCE = 100


CLOSING = """All figures are attached. To end this mail, delete the saved view on the page Reports, or save it again
under its name without "mail it each Monday".
"""


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
    parts = (title(found.query), sentence(found), _first_lines(found), _link(found.query), CLOSING)
    text = "\n\n".join(filter(None, parts))
    message = EmailMessage(f"QMS Gateway: {saved.name}", text, settings.DEFAULT_FROM_EMAIL, [address])
    for kind in ("pdf", "csv"):
        message.attach(f"report.{kind}", report_file(found, kind), CONTENT_TYPES[kind].partition(";")[0])
    return message


def _link(query: ReportQuery) -> str:
    """Write where the report stands; by its days: when the mail is read, last week may be another one."""
    days = {"period": Period.OWN.value, "from": f"{query.days.first}", "to": f"{query.days.last}"}
    link = public_link(f"{reverse('reports')}?{query.address(**days)}")
    return f"The report, from each number of which a link leads to the very legs:\n{link}" if link else ""


def _first_lines(found: ReportFigures) -> str:
    """Write the first lines of a report, which are the worst, each with what is not flagged of it."""
    shown = [line for line in found.lines if line.tally.unflagged][:LINES_SHOWN]
    lines = [f"{line.tally.unflagged:>8,}  {line.name}" for line in shown]
    return "\n".join(("Not flagged:", *lines)) if lines else ""
