"""docs/python.md is a session: its code, run from top to bottom in an empty folder, works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_page_on_python_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    session: dict[str, Any] = {}
    file = tmp_path / "session.py"
    code = "\n".join(BLOCK.findall((ROOT / "docs/python.md").read_text(encoding="utf-8")))
    file.write_text(code, encoding="utf-8")
    exec(compile(code, file, "exec"), session)
    assert capfd.readouterr().out == ""
    assert session["runs"][0].record.scoring.counts.planned == 40
    assert session["run"].record.scoring.counts.answered == 40
    assert not session["run"].record.complete, "432 samples, of which 40 have a reply"
    assert session["diff"].verdict == "pass"
    assert session["page"].is_file()
