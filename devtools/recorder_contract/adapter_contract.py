"""What the gateway relies on in an adapter beyond its calls: its kind, its options, its form and its connections."""

import abc
import os
import re
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from devtools.recorder_contract.port_contract import PortContract
from devtools.recorder_contract.sides import NOON, RecorderSide
from qms.adapters import ConnectionConfig, RecorderAdapter
from qms.port import Flag, QmsError, QmsUnavailable, QmsUnclear, ServiceInfo
from qms.recorder_kinds import recorder_kinds

_THREADS, _ROUNDS = 4, 5
#: ``RecordingService.kind`` is a column of this length.
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class RecorderContract(PortContract):
    """The whole contract of an adapter: inherit this one."""

    @pytest.fixture
    @abc.abstractmethod
    def config(self, side: RecorderSide) -> "Iterator[ConnectionConfig] | ConnectionConfig":
        """Yield the configuration by which the adapter reaches the recorder's side."""

    @pytest.fixture
    @abc.abstractmethod
    def service(self, side: RecorderSide, config: ConnectionConfig) -> "Iterator[RecorderAdapter] | RecorderAdapter":
        """Yield the adapter, made from the configuration."""

    @pytest.fixture
    def away(self, config: ConnectionConfig) -> ConnectionConfig:
        """Return the configuration of a recorder that cannot be reached: a port without a listener, no such folder."""
        pytest.skip("give the fixture away, to see that a recorder that cannot be reached is unavailable")

    def test_its_kind_is_a_word_of_its_own(self, service: RecorderAdapter) -> None:
        cls, known = type(service), recorder_kinds()

        assert _KIND.fullmatch(cls.kind)
        assert cls.label.strip()
        assert known.get(cls.kind, cls).__qualname__ == cls.__qualname__, "another adapter has this kind"
        assert [one.label for one in known.values() if one.kind != cls.kind].count(cls.label) == 0

    def test_its_options_make_a_form(self, service: RecorderAdapter) -> None:
        keys = [option.key for option in service.options]

        assert len(set(keys)) == len(keys)
        assert all(option.key.isidentifier() and option.label.strip() for option in service.options)
        assert service.address in ("required", "unused")

    def test_it_is_made_from_its_configuration_without_connecting(
        self, service: RecorderAdapter, away: ConnectionConfig
    ) -> None:
        began = time.monotonic()
        made = type(service).from_config(away)

        assert isinstance(made, type(service))
        assert time.monotonic() - began < away.timeout_seconds
        made.close()

    def test_options_that_work_have_no_problem(self, service: RecorderAdapter, config: ConnectionConfig) -> None:
        assert dict(type(service).problems(dict(config.options))) == {}

    def test_a_required_option_that_is_missing_is_a_problem_and_makes_no_adapter(
        self, service: RecorderAdapter, config: ConnectionConfig
    ) -> None:
        options, cls = dict(config.options), type(service)
        for option in (one for one in cls.options if one.required and not one.default):
            left = {key: value for key, value in options.items() if key != option.key}

            assert option.key in cls.problems(left)
            with pytest.raises(QmsUnavailable) as failure:
                cls.from_config(_with_options(config, left))
            assert failure.value.code == "Configuration"

    def test_problems_belong_to_options(self, service: RecorderAdapter) -> None:
        problems = type(service).problems({option.key: "\0 nonsense" for option in service.options})

        assert set(problems) <= {option.key for option in service.options}
        assert all(problem.strip() for problem in problems.values())

    def test_its_steps_of_a_test_are_named_beforehand_and_succeed(self, service: RecorderAdapter) -> None:
        checks = list(service.checks())

        assert [check.name for check in checks] == list(type(service).check_names)
        for check in checks:
            assert check.look().strip()
            assert check.advice.strip()

    def test_the_clock_of_the_recorder_is_known_or_said_to_be_unknown(self, service: RecorderAdapter) -> None:
        service.service_info()

        offset = service.clock_offset_seconds
        assert offset is None or isinstance(offset, float)

    def test_after_closing_it_connects_again(self, service: RecorderAdapter) -> None:
        service.close()
        first = service.service_info()
        service.close()
        service.close()

        assert service.service_info() == first

    def test_a_recorder_that_cannot_be_reached_is_unavailable_in_time(
        self, service: RecorderAdapter, away: ConnectionConfig
    ) -> None:
        lost = type(service).from_config(away)

        for call in (
            lost.service_info,
            lambda: list(lost.users()),
            lambda: lost.find_live_recording(self.extensions[0], NOON),
            lost.flag_definitions,
            lambda: lost.flags(self.unknown_guid),
        ):
            assert _failure(call, away.timeout_seconds).retryable
        with pytest.raises((QmsUnavailable, QmsUnclear)):
            lost.write_flags(self.unknown_guid, [Flag("AgentId", "9101")])
        lost.close()

    def test_it_is_shared_by_threads(self, side: RecorderSide, service: RecorderAdapter) -> None:
        for extension in self.extensions:
            side.begins(extension)
        found: list[bool] = []

        def ask(extension: str) -> None:
            for _ in range(_ROUNDS):
                live = service.find_live_recording(extension)
                found.append(live is not None and live.extension == extension)
            service.close()

        threads = [
            threading.Thread(target=ask, args=[self.extensions[number % len(self.extensions)]], daemon=True)
            for number in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert found == [True] * (_THREADS * _ROUNDS)

    def test_a_forked_child_has_connections_of_its_own(self, service: RecorderAdapter) -> None:
        expected = service.service_info()
        child = os.fork()
        if child == 0:
            os._exit(_is_answered(service, expected))
        mine = [service.service_info() for _ in range(_ROUNDS)]
        _, status = os.waitpid(child, 0)

        assert mine == [expected] * _ROUNDS
        assert os.waitstatus_to_exitcode(status) == 0


def _is_answered(service: RecorderAdapter, expected: ServiceInfo) -> int:
    """Return the exit code of a child: 0 where each answer is its own."""
    try:
        return 0 if all(service.service_info() == expected for _ in range(_ROUNDS)) else 1
    except QmsError:
        return 2


def _with_options(config: ConnectionConfig, options: dict[str, str]) -> ConnectionConfig:
    return msgspec.structs.replace(config, options=tuple(options.items()))


def _failure(call: Callable[[], object], seconds: float) -> QmsError:
    """Return how a call fails, which must be in time: the time-out, and a second for the machine."""
    began = time.monotonic()
    with pytest.raises(QmsUnavailable) as failure:
        call()
    assert time.monotonic() - began < seconds + 1
    return failure.value
