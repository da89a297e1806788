"""Each kind of source declares itself, and has its session, except the one that posts."""

from collections.abc import Iterator

import pytest

from cti.models import CtiSource
from cti.sources.port import SourceConfig, Stamp
from cti.sources.registry import (
    BrokenKind,
    NoSession,
    UnknownKind,
    has_session,
    kind_choices,
    open_session,
    source_kind,
    source_kinds,
    use_packages,
)


@pytest.fixture
def _forgets_packages() -> Iterator[None]:
    yield
    use_packages(())


@pytest.mark.parametrize("kind", [kind.slug for kind in source_kinds().values() if kind.has_listener])
def test_each_kind_that_is_listened_to_has_a_session(kind: str) -> None:
    session = open_session(SourceConfig(slug="pbx", kind=kind, host="127.0.0.1"), Stamp("pbx", "1"))

    assert callable(session.run)


def test_a_source_that_posts_has_none() -> None:
    assert not has_session("http")
    with pytest.raises(NoSession):
        open_session(SourceConfig(slug="web", kind="http"), Stamp("web", "1"))


def test_an_unknown_kind_is_named_with_those_that_there_are() -> None:
    assert not has_session("tapi")
    with pytest.raises(UnknownKind, match=r"'tapi'; there are: .*asterisk_ami"):
        source_kind("tapi")


def test_the_fields_choices_are_the_kinds_and_no_migration_lists_them() -> None:
    field = CtiSource._meta.get_field("kind")

    assert list(field.flatchoices) == kind_choices()
    assert field.deconstruct()[3]["choices"] is kind_choices


@pytest.mark.usefixtures("_forgets_packages")
def test_a_folder_elsewhere_adds_a_kind_by_its_declaration_alone() -> None:
    use_packages(["tests.cti.line_source"])

    assert ("line", "One line over TCP is one event") in kind_choices()
    assert has_session("line")


@pytest.mark.usefixtures("_forgets_packages")
@pytest.mark.parametrize("package", ["tests.cti.no_such_package", "tests.cti"])
def test_a_package_that_declares_no_kind_is_named(package: str) -> None:
    use_packages([package])

    with pytest.raises(BrokenKind, match=package):
        source_kinds()
