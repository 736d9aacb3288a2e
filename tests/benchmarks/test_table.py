from __future__ import annotations

from pathlib import Path

from benchmarks.course import Figures
from benchmarks.findings import Findings, Measure
from benchmarks.report import Report
from benchmarks.results import Ratio, Round
from benchmarks.size import FULL
from benchmarks.table import README, RESULTS, rendered

FIGURES = Figures(10.0, 1234.5, 67.0, 2**20, 2**21)
REPORT = Report(
    FULL,
    {"machine": {"cores": "2"}},
    {"serving": [Round(FIGURES, FIGURES, FIGURES)]},
    {
        "latency": Findings(measures=(Measure("p50", "ms", (9.0,), 15.0),)),
        "users": Findings((Ratio("many", "few", "rate", (0.5, 0.7, 0.6), 0.9),)),
    },
)


def test_the_tables_of_the_readme_are_those_of_the_stored_results() -> None:
    assert README.read_text() == rendered(README.read_text(), RESULTS)


def test_a_table_is_written_between_its_marks_and_the_text_around_it_stays(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "full.json")
    text = "before\n<!-- table: workers -->\nold\n<!-- end -->\nafter\n"

    lines = rendered(text, tmp_path).splitlines()

    assert (lines[0], lines[-1]) == ("before", "after")
    assert "| `serving` | 1,234 | 67 | 10.0 | 1 | 2 |" in lines
    assert "old" not in lines


def test_a_target_says_whether_it_is_met(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "full.json")
    text = "<!-- table: latency -->\n<!-- end -->\n<!-- table: users -->\n<!-- end -->\n"

    found = rendered(text, tmp_path)

    assert "| p50, ms | under 15, met | 9.00 |  |" in found
    assert "| many / few, records per second | 0.9, missed | 0.60 | 0.50 to 0.70 |" in found


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "full.json")

    assert "Not measured yet." in rendered("<!-- table: scale -->\n<!-- end -->", tmp_path)


def test_peers_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "full.json")
    peers = Findings((Ratio("stream_features", "Bytewax", "rate", (2.0,), 1.5),))
    Report(FULL, {"machine": {}}, {}, {"peers": peers}).write(tmp_path / "full-peers.json")

    found = rendered("<!-- table: peers -->\n<!-- end -->", tmp_path)

    assert "stream_features / Bytewax" in found


def test_a_report_that_was_read_is_the_one_that_was_written(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "full.json")

    assert Report.read(tmp_path / "full.json") == REPORT
