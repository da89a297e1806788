"""The manual is a site: every page is in its contents, and no link leads nowhere."""

import os
import subprocess
import sys
from pathlib import Path

from launcher.paths import ROOT


def test_the_manual_is_built_strictly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}

    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert built.returncode == 0, built.stdout + built.stderr
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    made = {page.with_stem("index") if page.stem == "README" else page for page in pages}
    assert [str(page) for page in made if not (tmp_path / page).exists()] == []
    assert "Sentinels" in (tmp_path / "search" / "search_index.json").read_text(encoding="utf-8")
