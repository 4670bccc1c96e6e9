"""What a line and a session cost, counted, is what is written down in tests/load/work.toml."""

import sys
from pathlib import Path

import pytest

from tests.load import ledger


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells when a node waits")
def test_the_work_for_a_line_and_for_a_session_is_what_is_written_down(tmp_path: Path) -> None:
    from tests.load.work import FILE, measure

    differences = ledger.differences(ledger.read(FILE), measure(tmp_path))
    assert not differences, "\n".join(differences)
