"""A gateway with a canary for journeys: real journal, real database, the simulated QMS with its control address."""

from collections.abc import Iterator
from contextlib import contextmanager

from cti.journal.call_requests import CallReport, CallWish, report_call, take_call_wishes
from cti.models import CtiSource, LinkState, LinkStatus
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin, carry_on_one
from gateway_site.canary.steps import CanaryStep, CanaryVerdict
from qms.api import ConnectService, connect
from qms.models import RecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.server import SimulatedServer, in_thread
from tests.journeys.stack import GatewayStack

#: The test extension.
TEST_PHONE = "2004"


class CanaryStack(GatewayStack):
    """The stack of journeys, whose source has a test extension."""

    def __init__(self, kind: str = "http", **settings: object) -> None:
        super().__init__(kind=kind)
        self.set(canary_extensions=[TEST_PHONE], **settings)

    def set(self, **settings: object) -> None:
        """Change the source's settings; the consumer reads them at its next batch."""
        CtiSource.objects.filter(pk=self.source.pk).update(**settings)
        self.source.refresh_from_db()
        self.consumer = type(self.consumer)(self.source, lambda: self.time)

    @contextmanager
    def with_recorder(self) -> Iterator[SimulatedServer]:
        """Serve the simulated QMS, and have canary calls recorded through its control address."""
        server = SimulatedServer(self.qms, Credentials("gateway", "pass"), clock=lambda: self.time)
        with in_thread(server):
            self.set(canary_recorder_api=f"http://127.0.0.1:{server.port}")
            yield server

    @contextmanager
    def over_soap(self) -> Iterator[SimulatedServer]:
        """Reach the simulated QMS over HTTP alone, as a real one."""
        with self.with_recorder() as server:
            url = f"http://127.0.0.1:{server.port}/recording-service"
            RecordingService.objects.update(url=url, username="gateway", password="pass")
            self.connect = connect  # type: ignore[method-assign]
            yield server

    def begins(self) -> CanaryCall:
        """Begin a canary call."""
        call = begin(self.source, TEST_PHONE, "", self.time)
        assert call is not None
        return call

    def look(self, call: CanaryCall, connect: ConnectService | None = None) -> CanaryCall:
        """Carry a canary call on as far as it has come."""
        return carry_on_one(call.pk, self.now, connect or self.connect)

    def follow(self, call: CanaryCall | None = None, connect: ConnectService | None = None) -> CanaryCall:
        """Carry on a canary call to its end while the gateway works; the first seconds pass slowly."""
        call = call or self.begins()
        while call.ended_at is None:
            call = self.look(call, connect)
            self.passes(0.7 if (self.time - call.began_at).total_seconds() < 5 else 6.0)
        return call


class RealCanaryStack(CanaryStack):
    """A source with a link; ``listener`` stands for its process: it answers what is asked, and has events come."""

    def __init__(self) -> None:
        super().__init__(kind="csta_xml", canary_way="originate", canary_destination="4711", devices=["2001", "2002"])
        LinkStatus.objects.create(source=self.source, state=LinkState.UP)
        self.wishes: list[CallWish] = []
        self.answer: CallReport | None = CallReport(call_id="77")
        self.answers_phone = True

    def works(self) -> None:
        """Let the listener work, too."""
        for wish in take_call_wishes(self.source.slug):
            self.wishes.append(wish)
            if wish.act == "end":
                self.hang_up("77", is_canary=True)
            elif self.answer is not None:
                report_call(self.source.slug, wish.request.key, self.answer)
                if self.answer.call_id and self.answers_phone:
                    self.pick_up("77", is_canary=True)
        super().works()

    def pick_up(self, call_id: str, *, is_canary: bool = False) -> None:
        """Connect the test phone: the PBX reports it, and the recorder records."""
        self.qms.connected(TEST_PHONE, self.time)
        self.call("Established", call_id, TEST_PHONE, **({"isCanary": True} if is_canary else {}))

    def hang_up(self, call_id: str, *, is_canary: bool = False) -> None:
        """Disconnect the test phone."""
        self.qms.disconnected(TEST_PHONE, self.time)
        self.call("ConnectionCleared", call_id, TEST_PHONE, **({"isCanary": True} if is_canary else {}))


def verdicts(call: CanaryCall) -> dict[CanaryStep, CanaryVerdict]:
    """Return how each step ended."""
    return {one.step: one.verdict for one in call.ends}


def red(call: CanaryCall) -> tuple[CanaryStep, str]:
    """Return where and why a call failed."""
    assert call.is_red
    (step,) = [step for step, verdict in verdicts(call).items() if verdict is CanaryVerdict.FAILED]
    return step, call.ends[-1].text
