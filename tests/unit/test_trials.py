"""The count of what was tried: it only grows, and a change of the file shows."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import AlphaError, ConfigError, DataError
from alpha.core.log import START, FileLog
from alpha.validation.trials import Trials


def earned(seed: int = 0, rows: int = 50) -> pd.DataFrame:
    """Return what a trial earned."""
    values = np.random.default_rng(seed).normal(0, 0.01, (rows, 2))
    return pd.DataFrame(values, pd.date_range("2020-01-01", periods=rows, tz="UTC", unit="ns"), ["ic", "net_returns"])


def record(trials: Trials, config: str, data: str, model: str, ic: float) -> None:
    trials.record(config, data, model, {"ic": ic}, earned())


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    made = Trials(tmp_path / "deep" / "trials.jsonl")
    for model in ("a", "b", "c"):
        record(made, "config", "data", model, 0.02)
    return made


def lines(trials: Trials) -> list[str]:
    return trials.path.read_text().splitlines()


def test_nothing_was_tried_yet(tmp_path: Path) -> None:
    assert Trials(tmp_path / "trials.jsonl").count() == 0
    assert Trials(tmp_path / "trials.jsonl").read() == []


def test_counts_what_differs(trials: Trials) -> None:
    assert trials.count() == 3
    record(trials, "config", "data", "a", 0.03)
    assert trials.count() == 3, "the same again is no new trial"
    assert (trials.count("data"), trials.count("other data")) == (3, 0)
    record(trials, "config", "other data", "a", 0.02)
    record(trials, "other config", "data", "a", 0.02)
    assert trials.count() == 5
    assert [trial["metrics"]["ic"] for trial in trials.read()] == [0.02, 0.02, 0.02, 0.03, 0.02, 0.02]


def test_an_ic_that_is_not_finite_is_kept_as_none(trials: Trials) -> None:
    record(trials, "config", "data", "d", np.nan)
    assert trials.read()[-1]["metrics"]["ic"] is None


def test_a_changed_file_is_refused(trials: Trials) -> None:
    """How a log may be changed is in the contracts of logs."""
    old = lines(trials)
    trials.path.write_text("\n".join([old[0], old[1], old[2].replace("0.02", "0.01")]) + "\n")
    for use in (trials.count, lambda: record(trials, "config", "data", "d", 0.0)):
        with pytest.raises(DataError, match=r"(line 3|the last line) of .*trials\.jsonl is not as it was") as caught:
            use()
        assert caught.value.code == "trials_tampered"


def _record_many(path: Path, who: int) -> None:
    for number in range(15):
        record(Trials(path), f"config {who}", "data", f"model {number}", 0.0)


def test_processes_may_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_record_many, args=(path, who)) for who in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Trials(path).count() == 60
    assert len(lines(Trials(path))) == 60


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError) as caught:
        Trials(path).count()
    assert caught.value.code == "trials_tampered"


def test_a_file_without_its_last_newline_goes_on_with_a_line_of_its_own(trials: Trials) -> None:
    trials.path.write_text(trials.path.read_text().rstrip("\n"))
    assert trials.count() == 3
    record(trials, "config", "data", "d", 0.1)
    assert [trial["model"] for trial in trials.read()] == ["a", "b", "c", "d"]
    assert len(lines(trials)) == 4


@pytest.mark.parametrize("lost", [1, 30, 150])
def test_a_line_that_a_crash_cut_off_is_told_as_one(trials: Trials, lost: int) -> None:
    head = trials.path.with_name("trials.jsonl.head")
    told = head.read_text()
    record(trials, "config", "data", "d", 0.0)
    head.write_text(told)  # it is written after the line
    trials.path.write_bytes(trials.path.read_bytes()[: -1 - lost])
    for use in (trials.count, lambda: record(trials, "config", "data", "d", 0.0)):
        with pytest.raises(DataError, match=r"line 4, the last of .*jsonl, is cut off.*remove that line") as caught:
            use()
        assert caught.value.code == "trials_torn"
    trials.path.write_text("\n".join(lines(trials)[:3]) + "\n")
    record(trials, "config", "data", "d", 0.0)
    assert trials.count() == 4


def test_a_crash_between_the_first_line_and_its_head_loses_nothing(tmp_path: Path) -> None:
    fresh = Trials(tmp_path / "fresh" / "trials.jsonl")
    record(fresh, "config", "data", "a", 0.02)
    fresh.path.with_name("trials.jsonl.head").write_text(f"0 {START}\n")  # as it is before the first line
    assert fresh.count() == 1


def test_a_crash_between_a_line_and_the_head_loses_nothing(trials: Trials) -> None:
    head = trials.path.with_name("trials.jsonl.head")
    told = head.read_text()
    record(trials, "config", "data", "d", 0.0)
    head.write_text(told)
    assert trials.count() == 4
    record(trials, "config", "data", "e", 0.0)
    assert head.read_text() == f"5 {trials.read()[-1]['hash']}\n"


def test_any_number_of_crashes_before_the_head_loses_nothing(trials: Trials) -> None:
    """Whoever appends brings the head up first, so that it is never two lines behind."""
    head = trials.path.with_name("trials.jsonl.head")
    known, made = trials.count(), FileLog._set_head

    def crash(self: FileLog, count: int, seal: str) -> None:
        if len(lines(trials)) > known + n:  # the line is there, and its head is not
            raise KeyboardInterrupt
        made(self, count, seal)

    for n in range(4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FileLog, "_set_head", crash)
            with pytest.raises(KeyboardInterrupt):
                record(trials, "config", "data", f"crash {n}", 0.0)
        assert trials.count() == known + n + 1
        assert int(head.read_text().split()[0]) == known + n
    record(trials, "config", "data", "after", 0.0)
    assert head.read_text() == f"{known + 5} {trials.read()[-1]['hash']}\n"


def test_a_trial_that_is_repeated_elsewhere_was_still_tested_here(trials: Trials) -> None:
    first, last = date(2020, 1, 1), date(2020, 1, 10)
    for name in ("a", "copy"):
        trials.record("one", "D", "m", {}, earned(7), {"path": f"/data/{name}.csv"})
    assert [trials.scored_on({"path": f"/data/{name}.csv"}, first, last) for name in ("a", "copy", "b")] == [1, 1, 0]


def _cut_off_the_newest(trials: Trials) -> None:
    trials.path.write_text("\n".join(lines(trials)[:2]) + "\n")


def _remove(trials: Trials) -> None:
    trials.path.unlink()


def _empty(trials: Trials) -> None:
    trials.path.write_text("")


def _remove_head(trials: Trials) -> None:
    trials.path.with_name("trials.jsonl.head").unlink()


def _keep_one_line_and_no_head(trials: Trials) -> None:
    trials.path.write_text(lines(trials)[0] + "\n")
    _remove_head(trials)


def _garble_head(trials: Trials) -> None:
    trials.path.with_name("trials.jsonl.head").write_bytes(b"\xff")


@pytest.mark.parametrize("change", [
    _cut_off_the_newest, _remove, _empty, _remove_head, _keep_one_line_and_no_head, _garble_head])  # fmt: skip
def test_lines_that_are_gone_are_noticed(trials: Trials, change: Callable[[Trials], None]) -> None:
    change(trials)
    for use in (trials.count, lambda: record(trials, "config", "data", "d", 0.0)):
        with pytest.raises(DataError) as caught:
            use()
        assert caught.value.code == "trials_tampered"


def test_what_a_trial_earned_is_kept_to_the_bit(trials: Trials) -> None:
    series = earned(1)
    series.iloc[3, 0] = np.nan
    line = trials.record("config", "data", "d", {}, series)
    pd.testing.assert_frame_equal(trials.series(line), series, check_exact=True, check_freq=False)
    assert trials.record("config", "data", "e", {}, series)["returns_hash"] == line["returns_hash"]
    path = trials.path.with_name("trials-series") / f"{line['returns_hash']}.npz"
    other = trials.path.with_name("trials-series") / f"{trials.read()[0]['returns_hash']}.npz"
    for damage in (lambda: path.write_bytes(other.read_bytes()), lambda: path.write_bytes(b"PK"), path.unlink):
        damage()
        with pytest.raises(DataError) as caught:
            trials.series(line)
        assert caught.value.code == "trials_tampered"


def test_a_series_that_was_damaged_anywhere_is_noticed_and_written_anew(trials: Trials) -> None:
    series = earned(1)
    line = trials.record("config", "data", "d", {}, series)
    path = trials.path.with_name("trials-series") / f"{line['returns_hash']}.npz"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        with suppress(DataError):  # and nothing else; what can be read after all is as it was
            pd.testing.assert_frame_equal(trials.series(line), series, check_exact=True, check_freq=False)
    path.write_bytes(whole[: len(whole) // 2])
    trials.record("config", "data", "d", {}, series)
    assert path.read_bytes() == whole


def test_a_name_used_for_several_signals_hides_none(trials: Trials) -> None:
    before = trials.count()
    for seed in (1, 2, 2, 3):
        trials.record("mine", "data", "signal", {}, earned(seed))
    assert trials.count() == before + 3


def test_a_place_that_can_hold_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "trials.jsonl"):
        with pytest.raises(ConfigError, match=r"paths\.trials") as caught:
            record(Trials(path), "config", "data", "a", 0.0)
        assert caught.value.code == "trials_unavailable"
    with pytest.raises(ConfigError, match=r"paths\.trials"):
        Trials(tmp_path).count()


def test_threads_may_record_the_same_at_once(tmp_path: Path) -> None:
    trials = Trials(tmp_path / "trials.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record(trials, f"config {number}", "data", "a", 0.02), range(40)))
    assert trials.count() == 40
    assert len(list((tmp_path / "trials-series").iterdir())) == 1


def test_a_path_may_be_a_text(tmp_path: Path) -> None:
    trials = Trials(str(tmp_path / "trials.jsonl"))  # type: ignore[arg-type]
    record(trials, "config", "data", "a", 0.02)
    assert trials.count() == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"config_id": ["a"]}, "bad_parameter"),
        ({"data_id": None}, "bad_parameter"),
        ({"model": 3}, "bad_parameter"),
        ({"metrics": {"ic": "high"}}, "bad_parameter"),
        ({"metrics": {"ic": [1.0]}}, "bad_parameter"),
        ({"series": earned()[:0]}, "bad_series"),
        ({"series": earned()[["ic"]]}, "bad_series"),
        ({"series": earned().reset_index(drop=True)}, "bad_series"),
        ({"series": earned().astype(str)}, "not_numbers"),
        ({"series": earned()["ic"]}, "bad_parameter"),
        ({"series": earned()[::-1]}, "bad_series"),
        ({"series": pd.concat([earned(), earned()])}, "bad_series"),
        ({"source": {"name": "bundled", "symbols": "AAPL"}}, "bad_parameter"),
        ({"source": {"name": "bundled", "symbols": ["AAPL"]}}, "bad_parameter"),
        ({"source": {"name": "bundled", "symbols": '"AAPL"'}}, "bad_parameter"),
        ({"source": {"name": None}}, "bad_parameter"),
        ({"source": "bundled"}, "bad_parameter"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(trials: Trials, change: dict[str, object], code: str) -> None:
    given = {"config_id": "id", "data_id": "data", "model": "a", "metrics": {"ic": 0.02}, "series": earned(), **change}
    with pytest.raises(AlphaError) as caught:
        trials.record(**given)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert trials.count() == 3


def test_a_metric_that_there_is_not_is_kept_as_none(trials: Trials) -> None:
    line = trials.record("id", "data", "a", {"ic": None, "sharpe": np.inf, "hit": np.float32(0.5)}, earned())  # type: ignore[dict-item]
    assert line["metrics"] == {"ic": None, "sharpe": None, "hit": 0.5}


FIRST, LAST = date(2020, 1, 1), date(2020, 3, 1)


def test_a_family_reads_what_was_recorded_since_alone(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring one trial after another costs linear time: earlier lines and series are not read again."""
    loaded, read = [], Trials.series
    monkeypatch.setattr(Trials, "series", lambda self, line: loaded.append(line["model"]) or read(self, line))
    asked, tail = [], FileLog.tail
    monkeypatch.setattr(FileLog, "tail", lambda self, after: asked.append(after) or tail(self, after))
    assert trials.family("data", {}, FIRST, LAST).effective == 3, "of 50 rows, too few to be alike"
    for number in range(3):
        line = trials.record("config", "data", f"new {number}", {}, earned(number + 1, rows=80))
        family = trials.family("data", {}, FIRST, LAST)
        assert family.net.shape[1] == len(family.trials) == 4 + number
        assert family.effective == Trials(trials.path).family("data", {}, FIRST, LAST).effective > 1 + number
        assert [*family.trials.values()] == Trials(trials.path).about("data", {}, FIRST, LAST)
        assert family._newest == line["hash"]
    own = [after for after in asked if after != START]
    assert [line["hash"] for line in trials.read()[2:-1]] == own
    assert loaded.count("a") == 4, "once by the family that is kept, and by each of the three that are not"


def test_a_family_of_other_sessions_is_another(trials: Trials) -> None:
    trials.record("config", "other data", "a", {}, earned(1), {"path": "/bars"})
    here = trials.family("data", {"path": "/bars"}, FIRST, LAST)
    assert len(here.trials) == 4
    assert len(trials.family("data", {}, FIRST, LAST).trials) == 3
    assert len(trials.family("data", {"path": "/bars"}, date(2021, 1, 1), date(2021, 2, 1)).trials) == 3


def test_a_series_that_was_changed_is_refused_by_its_family(trials: Trials) -> None:
    name = trials.read()[0]["returns_hash"]
    trials.path.with_name("trials-series").joinpath(f"{name}.npz").write_bytes(b"PK")
    with pytest.raises(DataError) as caught:
        trials.family("data", {}, FIRST, LAST).effective  # noqa: B018
    assert caught.value.code == "trials_tampered"


def test_a_family_notices_that_its_log_was_cut(trials: Trials) -> None:
    assert len(trials.family("data", {}, FIRST, LAST).trials) == 3
    _cut_off_the_newest(trials)
    with pytest.raises(DataError) as caught:
        trials.family("data", {}, FIRST, LAST)
    assert caught.value.code == "trials_tampered"


def test_a_record_may_be_kept_in_a_database(tmp_path: Path) -> None:
    trials = Trials(f"sqlite:///{tmp_path}/deep/trials.sqlite")
    line = trials.record("config", "data", "a", {"ic": 0.02}, earned(), {"path": "/bars"})
    assert trials.read() == [line]
    assert trials.scored_on({"path": "/bars"}, FIRST, LAST) == 1
    pd.testing.assert_frame_equal(trials.series(line), earned(), check_exact=True, check_freq=False)
    assert (tmp_path / "deep" / "trials-series" / f"{line['returns_hash']}.npz").exists()
