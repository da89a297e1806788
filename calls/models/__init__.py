"""Legs and what leads to them: the call cache, checkpoints, searches, gaps.

A leg's row is written by the consumer alone; lookups and deliveries leave their answers on their own rows, and the
consumer folds them in order.
"""

from calls.models.caller_views import CallerView, CallerViewKind
from calls.models.conditions import has_recording, is_final, is_live, is_missed, is_open
from calls.models.dimensions import (
    DIMENSION_KEY,
    DIMENSION_LENGTH,
    NO_VALUE,
    CoarseCount,
    DailyDimensionCount,
    DailyPersonCount,
    DailyQueueCount,
    DimensionCount,
    HourlyDimensionCount,
    MonthlyDimensionCount,
    MonthlyPersonCount,
    QueueName,
)
from calls.models.exports import ExportJob, ExportKind, ExportState
from calls.models.gaps import SWITCHED_OFF, Gap
from calls.models.hours import HourlyCount, HourlyLatency, Measure, SearchCount
from calls.models.legs import OUTCOMES, Leg
from calls.models.reports import CauseDecision, CauseState, MailedMonth, MonthTarget, SavedList, SavedReport
from calls.models.searches import ASSIGNED, KEPT_RECORDING, RecordingSearch, SearchState, ended_as
from calls.models.state import Call, Checkpoint
from calls.models.storage import LegStorage, are_legs_compact

__all__ = [
    "ASSIGNED",
    "DIMENSION_KEY",
    "DIMENSION_LENGTH",
    "KEPT_RECORDING",
    "NO_VALUE",
    "OUTCOMES",
    "SWITCHED_OFF",
    "Call",
    "CallerView",
    "CallerViewKind",
    "CauseDecision",
    "CauseState",
    "Checkpoint",
    "CoarseCount",
    "DailyDimensionCount",
    "DailyPersonCount",
    "DailyQueueCount",
    "DimensionCount",
    "ExportJob",
    "ExportKind",
    "ExportState",
    "Gap",
    "HourlyCount",
    "HourlyDimensionCount",
    "HourlyLatency",
    "Leg",
    "LegStorage",
    "MailedMonth",
    "Measure",
    "MonthTarget",
    "MonthlyDimensionCount",
    "MonthlyPersonCount",
    "QueueName",
    "RecordingSearch",
    "SavedList",
    "SavedReport",
    "SearchCount",
    "SearchState",
    "are_legs_compact",
    "ended_as",
    "has_recording",
    "is_final",
    "is_live",
    "is_missed",
    "is_open",
]
