"""Every kind of source has its session, except the one that posts."""

import pytest

from cti.models import SourceKind
from cti.sources.port import SourceConfig, Stamp
from cti.sources.registry import NoSession, has_session, open_session


@pytest.mark.parametrize("kind", [kind for kind in SourceKind if kind != SourceKind.HTTP])
def test_each_kind_that_is_listened_to_has_a_session(kind: SourceKind) -> None:
    session = open_session(SourceConfig(slug="pbx", kind=kind, host="127.0.0.1"), Stamp("pbx", "1"))

    assert callable(session.run)


def test_a_source_that_posts_has_none() -> None:
    assert not has_session(SourceKind.HTTP)
    with pytest.raises(NoSession):
        open_session(SourceConfig(slug="web", kind=SourceKind.HTTP), Stamp("web", "1"))
