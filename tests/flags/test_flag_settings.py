"""The Flags that a new site has, and what its settings do to them."""

import pytest

from flags.api import hash_key, load_specs
from flags.catalogue.values import FIELDS, OPTIONAL, LegFacts, flag_texts
from flags.models import FlagSetting

pytestmark = pytest.mark.django_db


def test_a_new_site_has_the_manuals_flags_and_the_optional_ones_are_off() -> None:
    assert load_specs() == tuple(one for one in FIELDS if one.name not in OPTIONAL)
    assert set(FlagSetting.objects.filter(enabled=False).values_list("name", flat=True)) == OPTIONAL


def test_a_flag_can_be_renamed_switched_on_and_put_first() -> None:
    FlagSetting.objects.filter(field="query_data").update(name="CTIQueryData", enabled=True, order=0, privacy="hash")

    first = load_specs()[0]

    assert (first.name, first.privacy) == ("CTIQueryData", "hash")


def test_a_setting_that_cannot_be_written_leaves_the_others_alone() -> None:
    FlagSetting.objects.filter(field="queue_name").update(field="colour")

    assert "QueueName" not in {one.name for one in load_specs()}
    assert len(load_specs()) == 5


def test_hashes_are_the_same_each_time() -> None:
    FlagSetting.objects.filter(field="agent_id").update(privacy="hash")
    leg = LegFacts(call_id="C1", device_id="2001", agent_id="9101")

    once, again = (flag_texts(load_specs(), leg, "base", hash_key())[0].value for _ in range(2))

    assert once == again
    assert "9101" not in once
