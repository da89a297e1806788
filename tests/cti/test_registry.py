"""Every kind of source has its session, except the one that posts."""

import pytest

from cti.models import Kind
from cti.sources.port import SourceConfig, Stamp
from cti.sources.registry import NoSession, has_session, open_session


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind != Kind.HTTP])
def test_each_kind_that_is_listened_to_has_a_session(kind: Kind) -> None:
    session = open_session(SourceConfig(slug="pbx", kind=kind, host="127.0.0.1"), Stamp("pbx", "1"))

    assert callable(session.run)


def test_a_source_that_posts_has_none() -> None:
    assert not has_session(Kind.HTTP)
    with pytest.raises(NoSession):
        open_session(SourceConfig(slug="web", kind=Kind.HTTP), Stamp("web", "1"))
