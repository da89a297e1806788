"""A gateway with something on every page of the admin, and the list of those pages."""

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, MappingAct, QmsUser, RefreshState, Trigger, UserRefresh
from calls.models import ExportJob, ExportKind, Gap, Leg
from cti.http_intake.tokens import mint_token
from cti.models import QuarantinedMessage
from evidence.models import EvidenceKey, EvidenceSeal
from flags.models import (
    EarlierName,
    FlagOnServer,
    FlagSetting,
    FlagVerification,
    FlagWrite,
    ShadowComparison,
    ShadowCount,
    ShadowDifference,
    WriteState,
)
from gateway_site.reconciliation.compare import FindingKind
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.replays.models import ReplayRun
from gateway_site.replays.results import ExampleLeg, ResultGroup, SourceResult, as_json
from gateway_site.ui.navigation import UNFOLD
from tests.journeys.stack import GatewayStack

#: Named pages that stand in no menu.
FURTHER = ("admin:password_change", "admin:login", "trial-call")
#: A name as long as other systems may send: the page must show it.
LONG_NAME = "Maximiliane-Alexandra Archer-Featherstonehaugh"


def furnish(user: User) -> GatewayStack:
    """Let calls happen to a whole gateway, and leave a row of each kind."""
    gateway = GatewayStack()
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    # Shortly after midnight too the calls are of today.
    gateway.time = gateway.begin = max(timezone.now() - timedelta(minutes=20), midnight)
    gateway.log_on("9101", "2001", LONG_NAME)
    gateway.connects("C1", "2001", callerName="Jo Caller", callerNameSource="isdn", queueName="Sales")
    gateway.call("Established", "C2", "2900")
    gateway.passes(0.2)
    gateway.call("Held", "C1", "2001")
    gateway.passes(3)
    gateway.clears("C1", "2001")
    gateway.clears("C2", "2900")
    gateway.passes(1.2)
    gateway.connects("C3", "2002", queueName="Service")
    gateway.passes(1)
    _add_rows(gateway, user)
    return gateway


def _add_rows(gateway: GatewayStack, user: User) -> None:
    """Make the rows that come from trouble and from people's hands."""
    at = gateway.time
    Gap.objects.create(source=gateway.source, began_at=at, ended_at=at, reason="the PBX closed the link", legs_lost=2)
    QuarantinedMessage.objects.create(source=gateway.source, at=at, kind="message", error="unknown element <odd>")
    mint_token(gateway.source, name="the PBX's gateway")
    UserRefresh.objects.create(
        service=gateway.service,
        trigger=Trigger.values[0],
        state=RefreshState.values[-1],
        started_at=at,
        finished_at=at,
        error="QMS did not answer",
    )
    agent, _ = Agent.objects.get_or_create(
        source=gateway.source, agent_id="9101", defaults={"first_seen_at": at, "last_seen_at": at}
    )
    MappingAct.objects.create(
        agent=agent, number=1, after=QmsUser.objects.first(), after_name="2001", reason="Sits there.", by="admin", at=at
    )
    server = gateway.service.data_server
    FlagOnServer.objects.create(data_server=server, name="QueueName", state="created", at=at, new_since=at)
    FlagVerification.objects.create(
        data_server=server, run=1, asked_at=at, asked_by="admin", done_at=at, found="It was refused.", advice="Restart."
    )
    flag = FlagSetting.objects.get(field="agent_id")
    EarlierName.objects.create(flag=flag, name="Agent", field="agent_id", renamed_to="AgentId", until=at, by="admin")
    ExportJob.objects.create(user=user, kind=ExportKind.CSV, wanted="{}", with_callers=True, asked_at=at)
    seal_a_day()
    _add_comparisons(gateway)
    _add_replays(gateway)
    FlagWrite.objects.filter(pk=FlagWrite.objects.values("pk")[:1]).update(
        state=WriteState.REFUSED, error_code="refused", error="The Flag does not exist."
    )


def seal_a_day() -> None:
    """Leave a seal of the evidence, as it is listed and shown; nothing verifies it."""
    key = EvidenceKey.objects.create(public="ab" * 32, made_at=timezone.now())
    seal = {"statement": "day 2026-11-28, 1 block", "signature": "cd" * 64, "blocks": 1, "entries": 2}
    EvidenceSeal.objects.create(day=timezone.localdate() - timedelta(days=1), key=key, at=timezone.now(), **seal)


def _add_replays(gateway: GatewayStack) -> None:
    """Leave a replay that waits, and one that found a flag with another value."""
    at = gateway.time
    leg = ExampleLeg(gateway.legs()[0].pk, "2001", at)
    group = ResultGroup("flag", "flag_settings", "QueueName", "written", "not written", 1, [leg])
    result = SourceResult(
        slug="pbx", events=1_234, seconds=0.2, compared=3, different=1, covered_from=at, groups=[group]
    )
    span = {"begin": at - timedelta(hours=1), "end": at, "asked_at": at, "asked_by": "admin"}
    done = {"done_at": at, "compared": 3, "different": 1, "settings_name": "tried.toml", "result": as_json([result])}
    for further in ({}, done):
        ReplayRun.objects.create(**span, **further).sources.add(gateway.source)


def _add_comparisons(gateway: GatewayStack) -> None:
    """Leave what comparisons with QMS find: a finding, and a recording that another gateway flagged otherwise."""
    at, service = gateway.time, gateway.service
    ReconciliationFinding.objects.create(
        service=service,
        kind=FindingKind.DIFFERENT,
        key="guid-1",
        grade="critical",
        cause="written_by_another",
        source=gateway.source,
        extension="2001",
        began_at=at,
        recording_guid="guid-1",
        names=["AgentId"],
        found_at=at,
        seen_at=at,
    )
    write = FlagWrite.objects.order_by("pk")[0]
    result = ShadowComparison.ComparisonResult.DIFFERENT
    compared = ShadowComparison.objects.create(write=write, service=service, at=at, looks=1, result=result)
    ShadowDifference.objects.create(
        comparison=compared, name="AgentId", reason="other_value", ours="9101", theirs="9102"
    )
    ShadowCount.objects.create(service=service, day=timezone.localdate(), verdict=result, recordings=1)
    ShadowCount.objects.create(
        service=service, day=timezone.localdate(), name="AgentId", verdict="other_value", recordings=1
    )


def menu() -> list[str]:
    """Return the addresses in the admin's menu, in its order."""
    return [str(item["link"]) for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]


def pages(client: Client) -> list[str]:
    """Return the address of every page that the client may open: the menu's, and each model's form and history."""
    found = [*menu(), *(reverse(name) for name in FURTHER), *_answered(client), *_of_models()]
    return [page for page in dict.fromkeys(found) if client.get(page).status_code == 200]


def _answered(client: Client) -> list[str]:
    """Return the address of *Why not flagged?* with an answer about a leg, for those who may ask."""
    leg = Leg.objects.filter(device_id="2900").latest("connected_at")
    asked = {"text": leg.device_id, "at": f"{timezone.localtime(leg.connected_at):%Y-%m-%dT%H:%M:%S}"}
    address = f"{reverse('why')}?{urlencode(asked)}"
    answer = client.get(address)
    path = reverse("admin:calls_leg_change", args=[leg.pk])
    assert answer.status_code != HTTPStatus.OK or path in answer.content.decode(), "the page has no answer"
    return [address]


def _of_models() -> list[str]:
    found = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        if (row := model._default_manager.first()) is not None:
            found += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history")]
    return found
