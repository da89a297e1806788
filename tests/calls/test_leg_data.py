"""What a leg knows of its call, by when that was stated and, in whole seconds, by when it was heard."""

import pytest
from msgspec.structs import replace

from calls.core.leg_data import data_of
from calls.core.origins import Origin
from calls.core.state import TimedValue
from tests.calls.call_states import call, work
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


@pytest.mark.parametrize(("heard", "name"), [(20.2, "Ada"), (20.3, "Ada"), (20.301, "Jo")])
@pytest.mark.parametrize("is_followed", [False, True])
def test_what_is_heard_after_a_legs_end_in_its_whole_second_is_not_that_legs(
    heard: float, name: str, is_followed: bool
) -> None:
    told = [(5.0, "Jo", 5.1), (20.0, "Ada", heard), *([(22.0, "Eve", 22.1)] if is_followed else [])]
    names = tuple(
        TimedValue(moment(at), value, Origin("CallInformation", f"e{at}", moment(at)), moment(then))
        for at, value, then in told
    )
    ended = over(leg(12), 20, 20.3)

    assert data_of(work(), replace(call(), facts={"caller_name": names}), ended).caller_name == name
