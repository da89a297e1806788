"""A kind of source that is installed as a distribution of its own is found by its entry point, with no setting."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.models import CtiSource
from cti.sources.registry import BrokenKind, source_kind, source_kinds

KIND = 'from cti.sources.kind import SourceKind\n\nSOURCE = SourceKind(slug="acme", label="Acme PBX", session=None)\n'


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a distribution as pip does: a package, and a folder that says what it offers."""
    information = tmp_path / "acme_pbx-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pbx\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[qms_gateway.sources]\nacme = acme_pbx_kind\n")
    (tmp_path / "acme_pbx_kind").mkdir()
    (tmp_path / "acme_pbx_kind" / "__init__.py").write_text(KIND)
    monkeypatch.syspath_prepend(tmp_path)
    source_kinds.cache_clear()
    yield tmp_path
    source_kinds.cache_clear()


@pytest.mark.usefixtures("installed")
def test_an_installed_distribution_brings_its_kind() -> None:
    assert source_kind("acme").label == "Acme PBX"
    assert ("acme", "Acme PBX") in CtiSource._meta.get_field("kind").flatchoices


def test_a_distribution_that_declares_no_kind_is_named(installed: Path) -> None:
    (installed / "acme_pbx-1.0.dist-info" / "entry_points.txt").write_text("[qms_gateway.sources]\nacme = json\n")

    with pytest.raises(BrokenKind, match="json declares no SOURCE"):
        source_kinds()
