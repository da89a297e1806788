"""The admin's looks, and its navigation by task: what is happening now stands first."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _link(title: str, icon: str, name: str) -> dict[str, Any]:
    app, _, model = name.partition(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{model}"),
    }


def _page(title: str, icon: str, name: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(name),
        "permission": lambda request: request.user.has_perm(permission),
    }


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "QMS Gateway",
    "SITE_HEADER": "QMS Gateway",
    "SITE_SYMBOL": "label",
    "SITE_URL": None,  # There is no site but these pages.
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("gateway/icon.svg")}],
    "ACCOUNT": {
        "navigation": [
            {"title": "Time zone", "link": reverse_lazy("time-zone")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "LOGIN": {"form": "gateway_site.login.form.LogInForm"},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "gateway_site.dashboard.page.callback",
    "STYLES": [lambda _: static("gateway/gateway.css")],
    "SCRIPTS": [
        lambda _: static("gateway/polling.js"),
        lambda _: static("gateway/dashboard.js"),
        lambda _: static("gateway/names.js"),
        lambda _: static("gateway/find.js"),
    ],
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            _group(
                "Now",
                {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                _page("Live calls", "phone_in_talk", "live-calls", "calls.view_leg"),
                _link("Legs", "call", "calls.leg"),
                _page("Why not flagged?", "contact_support", "why", "calls.view_leg"),
                _page("Reports", "monitoring", "reports", "calls.view_leg"),
                _page("Objectives", "target", "objectives", "calls.view_leg"),
                _page("Causes", "troubleshoot", "causes", "calls.view_leg"),
                _page("Exports", "download", "exports", "calls.view_leg"),
                _link("Recording searches", "manage_search", "calls.recordingsearch"),
                _link("Flag writes", "outbox", "flags.flagwrite"),
            ),
            _group(
                "People",
                _link("Agents", "support_agent", "agents.agent"),
                _link("Manual mappings", "handshake", "agents.mappingact"),
                _link("Agent sessions", "event_seat", "agents.agentsessionrecord"),
                _link("Queue names", "group_work", "calls.queuename"),
                _link("QMS users", "group", "agents.qmsuser"),
                _link("User syncs", "sync", "agents.userrefresh"),
            ),
            _group(
                "QMS",
                _link("Recording Services", "mic", "qms.recordingservice"),
                _link("Data Servers", "database", "qms.dataserver"),
                _link("Flags", "label", "flags.flagsetting"),
                _link("Allocations", "lan", "agents.allocation"),
                _page("Shadow comparison", "join", "shadow", "flags.view_flagwrite"),
            ),
            _group(
                "Sources",
                _link("CTI sources", "cable", "cti.ctisource"),
                _link("Canary calls", "sensors", "canary.canarycall"),
                _link("Gaps", "link_off", "calls.gap"),
                _link("Quarantined messages", "report", "cti.quarantinedmessage"),
                _link("Intake tokens", "key", "cti.intaketoken"),
                _link("Checkpoints", "bookmark", "calls.checkpoint"),
            ),
            _group(
                "Alarms",
                _link("Incidents", "notifications_active", "alarms.incident"),
                _link("Alarm rules", "rule", "alarms.alarmrule"),
                _link("Channels", "campaign", "alarms.alarmchannel"),
            ),
            _group(
                "Reconciliation",
                _link("Findings", "difference", "reconciliation.reconciliationfinding"),
                _link("Comparisons", "compare_arrows", "reconciliation.reconciliationrun"),
                _link("Replays", "replay", "replays.replayrun"),
            ),
            _group(
                "Installation",
                {
                    "title": "Test the installation",
                    "icon": "fact_check",
                    "link": reverse_lazy("test-installation"),
                    "permission": lambda request: request.user.has_perm("qms.view_recordingservice"),
                },
                _page("Try a trace", "labs", "try-trace", "cti.change_ctisource"),
                _link("History", "history", "admin.logentry"),
                _link("Evidence seals", "verified", "evidence.evidenceseal"),
                _link("Views of callers", "visibility", "calls.callerview"),
                _page("Erase a caller", "person_off", "erase-caller", "calls.erase_caller"),
                _page("Retention", "auto_delete", "retention", "admin.view_logentry"),
                _link("Users", "person", "auth.user"),
                _link("Groups", "groups", "auth.group"),
            ),
        ],
    },
}
