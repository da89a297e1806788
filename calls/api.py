"""What other apps may use of the calls: the counts by hour, latencies, searches, the texts of outcomes, the loops."""

from calls.access_log import record_evidence_export, record_view, term_hash
from calls.jobs import fold_sources, serve_searches, serve_writes
from calls.models import CallerViewKind
from calls.objectives.promises import BAD_OUTCOMES
from calls.pipeline.restore_guard import WENT_BACK, notice_restore
from calls.pipeline.switched_off import left_out, retired, switched_off, switched_on
from calls.replay.compare_period import (
    OTHERS,
    RUN_OUT,
    WARM_UP,
    PeriodComparison,
    ReplaySettings,
    compare_period,
    todays_settings,
)
from calls.replay.reading_ahead import ReaderEnded
from calls.report.links import public_link
from calls.search.assign import Assignment, Doubt, NotAssignable, assign_recording, being_assigned, doubts
from calls.search.lapse import CARRIED_OUT_WITHIN, lapse, lapsed_decision
from calls.stats.histogram import Histogram, percentile, times
from calls.stats.hourly import hour_of, hours_between
from calls.stats.search_summary import LAST_HOUR, ends_since, open_searches
from calls.stats.source_load import publish_loads
from calls.storage.decisions import LegDecision, RecordingOrigin, decisions_of, recording_origins
from calls.storage.receipts import receipts_of
from calls.ui.find import CALLER, Hit, find_calls
from calls.ui.flag_preview import facts_of
from calls.ui.leg_list import SEE_CALLERS
from calls.ui.leg_page import ADVICE

__all__ = [
    "ADVICE",
    "BAD_OUTCOMES",
    "CALLER",
    "CARRIED_OUT_WITHIN",
    "LAST_HOUR",
    "OTHERS",
    "RUN_OUT",
    "SEE_CALLERS",
    "WARM_UP",
    "WENT_BACK",
    "Assignment",
    "CallerViewKind",
    "Doubt",
    "Histogram",
    "Hit",
    "LegDecision",
    "NotAssignable",
    "PeriodComparison",
    "ReaderEnded",
    "RecordingOrigin",
    "ReplaySettings",
    "assign_recording",
    "being_assigned",
    "compare_period",
    "decisions_of",
    "doubts",
    "ends_since",
    "facts_of",
    "find_calls",
    "fold_sources",
    "hour_of",
    "hours_between",
    "lapse",
    "lapsed_decision",
    "left_out",
    "notice_restore",
    "open_searches",
    "percentile",
    "public_link",
    "publish_loads",
    "receipts_of",
    "record_evidence_export",
    "record_view",
    "recording_origins",
    "retired",
    "serve_searches",
    "serve_writes",
    "switched_off",
    "switched_on",
    "term_hash",
    "times",
    "todays_settings",
]
