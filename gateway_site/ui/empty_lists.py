"""What a list of the admin says while it is empty: what would stand there, why nothing does, and what to do."""

import msgspec


class NextAction(msgspec.Struct, frozen=True):
    """The next step: its words, the name of the page to take it on, and the permission that the page asks for."""

    words: str
    page: str
    permission: str


class Empty(msgspec.Struct, frozen=True):
    """The words of one empty list, and the next step where another page has it."""

    text: str
    step: NextAction | None = None


_SOURCES = NextAction("See the CTI sources", "admin:cti_ctisource_changelist", "cti.view_ctisource")
_SERVICES = NextAction(
    "See the Recording Services", "admin:qms_recordingservice_changelist", "qms.view_recordingservice"
)
_DATA_SERVERS = NextAction("See the Data Servers", "admin:qms_dataserver_changelist", "qms.view_dataserver")
_QMS_USERS = NextAction("See the QMS users", "admin:agents_qmsuser_changelist", "agents.view_qmsuser")
_INSTALLATION = NextAction("Test the installation", "test-installation", "qms.view_recordingservice")
_FIRST_CALL = "Nothing is wrong if no call was made yet. Otherwise see whether a CTI source delivers events."
EMPTY_LISTS = {
    "admin.LogEntry": Empty(
        "Nobody has changed anything here yet. Every change made in the admin or by a command will"
        " stand here: who, when, before and after."
    ),
    "agents.Agent": Empty(
        "No agent has been seen yet. Agents appear here when the CTI server reports their log-on or their calls.",
        _SOURCES,
    ),
    "agents.Allocation": Empty(
        "No CTI source is allocated to a Recording Service, so nothing can be flagged: the"
        " gateway must know who records a source's extensions. Add the first one here."
    ),
    "agents.MappingAct": Empty(
        "No agent has a manual mapping. None is needed while agents and QMS users share their extensions."
    ),
    "agents.AgentSessionRecord": Empty(
        "No agent has logged on yet. Sessions appear here when the CTI server reports a log-on.", _SOURCES
    ),
    "agents.QmsUser": Empty(
        "No QMS user is loaded, so no call can be flagged. Users are loaded at start, daily, and"
        " whenever an operator asks for it here.",
        _SERVICES,
    ),
    "agents.ShiftCheck": Empty(
        "No pre-shift check has run yet. Each check lists the agents whose calls could not be flagged, with the reason."
    ),
    "agents.UserRefresh": Empty(
        "QMS users were never loaded. It happens at start, daily, and whenever an operator asks for it.", _QMS_USERS
    ),
    "alarms.AlarmChannel": Empty("No channel is set up, so alarms reach nobody. Add one here: mail or a webhook."),
    "alarms.AlarmRule": Empty(
        "There is no rule, so nothing raises an alarm. The gateway's migrations make the first ones."
    ),
    "alarms.Incident": Empty(
        "No incident yet. One appears here when a rule finds something wrong, and says when it was over."
    ),
    "auth.Group": Empty(
        "There are no roles. The four that the gateway comes with are made by its migrations: run"
        " ./gateway manage migrate."
    ),
    "auth.User": Empty("There are no users."),
    "axes.AccessAttempt": Empty("Nobody has failed to log in. Attempts with a wrong password will stand here."),
    "axes.AccessFailureLog": Empty("Nobody has failed to log in. Attempts with a wrong password will stand here."),
    "axes.AccessLog": Empty("Log-ins are not kept in this list."),
    "calls.Checkpoint": Empty(
        "No source's events were read yet. There will be one row a source: how far its journal is taken into the legs.",
        _SOURCES,
    ),
    "calls.CallerView": Empty(
        "Nobody has looked at a caller yet. A row appears when somebody who may see callers opens a page with some."
    ),
    "calls.Gap": Empty(
        "No gap: as far as the gateway knows it has missed nothing. Whenever a link to a CTI source"
        " is lost, a row here says from when to when, why, and which legs were saved or lost."
    ),
    "calls.Leg": Empty("No leg yet. One appears as soon as an extension is connected. " + _FIRST_CALL, _INSTALLATION),
    "calls.QueueName": Empty(
        "No queue has been named yet. A queue's name appears here when the CTI server reports it with"
        " a call, and again whenever it is renamed.",
        _SOURCES,
    ),
    "calls.RecordingSearch": Empty(
        "No recording was searched for yet. That begins when an extension of a QMS user is connected. " + _FIRST_CALL,
        _INSTALLATION,
    ),
    "cti.CtiSource": Empty("There is no CTI source, so the gateway hears of no call. Add the CTI server or PBX here."),
    "cti.IntakeToken": Empty(
        "There is no token. Only who sends events over HTTP needs one; links to a CTI server or PBX do not."
    ),
    "cti.QuarantinedMessage": Empty(
        "Nothing is in quarantine: every message could be read. One that cannot is put here"
        " with the reason, and nothing of it is lost."
    ),
    "evidence.EvidenceSeal": Empty(
        "No day is sealed yet. The first seal is made after the first midnight, if a flag write ended that day."
    ),
    "canary.CanaryCall": Empty(
        "No canary call was made yet. Enter a test extension in the settings of a CTI source: a call of it is then made"
        " at an interval, and followed until QMS gives back its flags.",
        NextAction("See the CTI sources", "admin:cti_ctisource_changelist", "cti.view_ctisource"),
    ),
    "flags.FlagSetting": Empty(
        "There is no Flag, so nothing would be written to recordings. The usual ones are made"
        " by the migrations: run ./gateway manage migrate."
    ),
    "flags.FlagWrite": Empty(
        "No flags were queued yet. That happens when a leg whose recording is known is disconnected. " + _FIRST_CALL,
        _INSTALLATION,
    ),
    "qms.DataServer": Empty(
        "There is no Data Server. It holds the Flags and users of QMS: add the first one here,"
        " then its Recording Services."
    ),
    "qms.RecordingService": Empty(
        "There is no Recording Service, so nothing can be flagged. Add one for each recorder,"
        " with its address and log-in.",
        _DATA_SERVERS,
    ),
    "reconciliation.ReconciliationFinding": Empty(
        "No difference between QMS and the gateway is known. Findings appear here after a comparison, which runs once a"
        " day; a call is compared some hours after it ended (RECONCILE_AFTER_HOURS).",
        NextAction(
            "See the comparisons",
            "admin:reconciliation_reconciliationrun_changelist",
            "reconciliation.view_reconciliationrun",
        ),
    ),
    "replays.ReplayRun": Empty(
        "Nothing was replayed yet. Add a replay here to see what today's version, or settings that you try, would"
        " decide differently from what was done; it changes nothing."
    ),
    "reconciliation.ReconciliationRun": Empty(
        "Nothing was compared with QMS yet. The timetable compares each enabled Recording Service once a day; add a"
        " comparison here to have one now."
    ),
}
