"""Plans and streams: what they say of themselves, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import AlphaError, ConfigError, DataError
from alpha.core.panel import Panel
from alpha.features import Plan, Stream
from alpha.features.engine.lower import Graph
from alpha.features.engine.program import compile_program
from alpha.features.expr import close, field, log, volume
from alpha.features.operators import cs_rank, ema, lag, mean, quantile, rank, std

RET = close / lag(close, 1) - 1


@pytest.fixture
def panel():
    rng = np.random.default_rng(0)
    shape = (50, 4)
    fields = {"close": np.exp(rng.normal(0, 0.1, shape)), "volume": np.exp(rng.normal(0, 1, shape))}
    return Panel(pd.date_range("2001-01-01", periods=50, tz="UTC"), tuple("ABCD"), fields)


@pytest.fixture
def plan():
    return Plan({"ret": RET, "rank": cs_rank(std(RET, 5)), "q": quantile(RET, 4, 0.5), "z": ema(volume, 3) / volume})


def refused(kind: type[AlphaError], code, make, *args, **kwargs):
    with pytest.raises(kind) as caught:
        make(*args, **kwargs)
    assert caught.value.code == code
    return str(caught.value)


def test_a_plan_describes_itself(plan):
    assert plan.names == ("ret", "rank", "q", "z")
    assert plan.fields == ("close", "volume")
    assert plan.lookback == 40
    assert plan.recursive
    assert not Plan({"ret": RET}).recursive
    assert repr(plan) == "Plan(4 features, lookback 40)"
    text = plan.explain()
    assert "lookback 40 (fading)" in text
    assert "cs_rank(std(((close / lag(close, 1)) - 1), 5, 1))" in text
    assert "in 2 stages" in text


def test_a_feature_set_has_the_index_of_the_panel(plan, panel):
    features = plan.batch(panel)
    assert features.names == plan.names
    assert features.symbols == panel.symbols
    assert (features.times == panel.times).all()
    assert features.values.shape == (50, 4, 4)
    assert features.values.dtype == np.float64
    np.testing.assert_allclose(features.values[1:, :, 0], panel["close"][1:] / panel["close"][:-1] - 1, rtol=1e-12)


@pytest.mark.parametrize("symbols", [0, 1, 4])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_panels_may_be_small(plan, panel, rows, symbols):
    small = panel.rows(slice(0, rows)).select(panel.symbols[:symbols])
    assert plan.batch(small).values.shape == (rows, symbols, 4)
    stream = plan.stream(small)
    assert stream.push(panel.select(panel.symbols[:symbols]).bar(rows)).shape == (symbols, 4)


def test_many_symbols_run_in_blocks(panel):
    wide = Panel(panel.times, tuple(map(str, range(150))), {"close": np.tile(panel["close"], (1, 38))[:, :150]})
    plan = Plan({"std": std(RET, 5), "rank": cs_rank(RET), "ema": ema(RET, 4)})
    values = plan.batch(wide, threads=2, chunk=8).values
    np.testing.assert_array_equal(values[:, :4, ::2], plan.batch(panel).values[..., ::2])
    stream = plan.stream(wide.rows(slice(0, 30)))
    np.testing.assert_array_equal(stream.push(wide.bar(30)), values[30])


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_neither_threads_nor_the_symbols_beside_matter(panel, threads):
    wide = Panel(panel.times, tuple(map(str, range(600))), {"close": np.tile(panel["close"], (1, 150))})
    plan = Plan({"std": std(RET, 5), "q": quantile(RET, 7, 0.3), "ema": ema(RET, 4), "lagged": lag(RET, 9)})
    alone = plan.batch(panel, threads=1, chunk=1).values
    for symbols in (4, 64, 128, 260, 600):
        some = plan.batch(wide.select(wide.symbols[:symbols]), threads=threads).values
        np.testing.assert_array_equal(some, np.tile(alone, (1, symbols // 4, 1)))


def test_every_thread_has_a_block_unless_blocks_would_be_narrow():
    plan = Plan({"ret": RET})
    assert [plan._shape(500, threads).width for threads in (1, 2, 4, 64)] == [250, 250, 125, 34]
    assert plan._shape(20, 2).width == 20
    assert plan._shape(3000, 2).width <= 256
    assert Plan({"rank": cs_rank(RET)})._shape(20, 1).chunk == Plan({"rank": cs_rank(RET)})._shape(20, 1).span


@pytest.mark.parametrize("windows", [(3, 5, 9), (9, 3, 5), (5, 5, 2)])
def test_a_rank_goes_on_from_that_of_a_shorter_window(panel, windows):
    columns = {f"{i}": rank(RET, window) for i, window in enumerate(windows)}
    values = Plan(columns).batch(panel).values
    for i, window in enumerate(windows):
        np.testing.assert_array_equal(values[..., i], Plan({"alone": rank(RET, window)}).batch(panel).values[..., 0])
    made = [made for stage in Plan(columns).program.stages for made in stage.instructions if made.op == "rank"]
    counted = sum(instruction.constants[0] - instruction.constants[1] for instruction in made)
    assert counted == {(3, 5, 9): 9, (9, 3, 5): 14, (5, 5, 2): 7}[windows]


def test_two_quantiles_of_a_window_share_its_order(panel):
    low, high, middle = (quantile(RET, 6, q) for q in (0.2, 0.8, 0.5))
    columns = {"low": low, "high": high, "middle": middle, "before": lag(high, 3), "other": quantile(RET, 7, 0.2)}
    plan = Plan(columns)
    values = plan.batch(panel).values
    for i, column in enumerate(columns.values()):
        np.testing.assert_array_equal(values[..., i], Plan({"alone": column}).batch(panel).values[..., 0])
    made = [made for stage in plan.program.stages for made in stage.instructions if made.op == "quantile"]
    assert len(made) == 3
    assert f"%{made[0].node}, %{made[0].twin} = quantile(" in plan.explain(graph=True)
    assert sum(plan.program.carried.values()) == 7 + 7 + 8


def test_an_empty_plan_and_other_objects_are_refused():
    refused(ConfigError, "no_features", Plan, {})
    assert "'x'" in refused(ConfigError, "not_an_expression", Plan, {"x": 3})


def test_a_price_level_is_refused():
    message = refused(ConfigError, "price_level", Plan, {"level": close})
    assert "'level'" in message
    assert "divide by a price" in message
    refused(ConfigError, "price_level", Plan, {"level": std(close, 5) * close / log(volume)})


def test_an_absent_field_names_feature_and_field(panel):
    plan = Plan({"ret": RET, "fear": RET * field("vix"), "typo": field("volme")})
    message = refused(DataError, "absent_field", plan.batch, panel)
    assert "'fear'" in message
    assert "'vix'" in message
    typo = Plan({"typo": field("volme")})
    assert "did you mean 'volume'" in refused(DataError, "absent_field", typo.batch, panel)
    refused(DataError, "absent_field", typo.stream, panel)
    refused(DataError, "absent_field", typo.stream(symbols=panel.symbols).push, panel.bar(0))


def test_a_stream_needs_symbols(plan, panel):
    refused(ConfigError, "no_symbols", plan.stream)
    assert plan.stream(symbols=panel.symbols).time is None


def test_bars_must_fit_the_stream(plan, panel):
    stream = plan.stream(panel.rows(slice(0, 20)))
    assert isinstance(stream, Stream)
    assert stream.time == panel.times[19]
    assert "forward" in refused(DataError, "bar_out_of_order", stream.push, panel.bar(19))
    assert "'B' at 0" in refused(DataError, "symbols_differ", stream.push, panel.select("BACD").bar(20))
    assert "4" in refused(DataError, "symbols_differ", stream.push, panel.select("ABC").bar(20))
    refused(DataError, "bar_out_of_order", stream.catch_up, panel)
    refused(DataError, "symbols_differ", stream.catch_up, panel.select("AB"))
    np.testing.assert_array_equal(stream.push(panel.bar(20)), plan.batch(panel).values[20])
    assert stream.time == panel.times[20]


def test_a_refused_bar_leaves_the_stream_as_it_was(plan, panel):
    stream = plan.stream(panel.rows(slice(0, 20)))
    before = stream.state()
    refused(DataError, "bar_out_of_order", stream.push, panel.bar(3))
    refused(DataError, "absent_field", stream.push, replace(panel.bar(20), fields={"close": panel["close"][20]}))
    np.testing.assert_array_equal(stream.state(), before)


def test_a_state_is_one_array_that_can_be_saved(plan, panel, tmp_path):
    stream = plan.stream(panel.rows(slice(0, 20)))
    np.save(tmp_path / "state.npy", stream.state())
    expected = [stream.push(panel.bar(row)) for row in range(20, 50)]
    again = plan.stream(symbols=panel.symbols)
    again.restore(np.load(tmp_path / "state.npy"))
    assert again.time == panel.times[19]
    np.testing.assert_array_equal([again.push(panel.bar(row)) for row in range(20, 50)], expected)


def test_a_state_can_be_taken_before_the_first_bar(plan, panel):
    stream = plan.stream(symbols=panel.symbols)
    stream.restore(stream.state())
    assert stream.time is None
    stream.push(panel.bar(0))


def test_a_state_of_another_plan_or_other_symbols_is_refused(plan, panel):
    state = plan.stream(panel).state()
    refused(DataError, "foreign_state", plan.stream(symbols=tuple("ABDC")).restore, state)
    refused(DataError, "foreign_state", Plan({"ret": RET}).stream(symbols=panel.symbols).restore, state)
    refused(DataError, "foreign_state", plan.stream(symbols=panel.symbols).restore, state[:-1])


def test_equal_subexpressions_are_computed_once():
    once = compile_program([mean(close, 20) / close])
    twice = compile_program([mean(close, 20) / close, close / mean(close, 20), mean(close, 20) / close])
    assert twice.size == once.size + 3  # one division, and two more columns to write
    assert once.id != twice.id
    assert once.id == compile_program([mean(close, 20) / close]).id


def test_a_lag_is_an_address():
    assert compile_program([RET]).size == 4  # load, divide, subtract, write
    assert compile_program([RET, lag(RET, 7)]).size == 5
    assert compile_program([lag(RET, 7)]).kept == {0: 1, 2: 7}


def test_registers_are_recycled_and_keep_no_more_than_is_read():
    deep = close / close
    for _ in range(30):
        deep = abs(deep * 2 - 1)
    assert compile_program([deep]).scratches <= 3
    program = compile_program([mean(volume, 64)])
    assert sum(program.kept.values()) == 63


def test_blocks_of_windows_are_shared():
    graph = Graph()
    for window in (16, 32, 64):
        graph.output(mean(volume, window))
    assert sum(node.op == "add" for node in graph.nodes) == 6


def test_a_block_is_built_once(monkeypatch):
    """Built anew for every window that holds it, it would be asked for 6,503 times here, for 551 nodes."""
    asked, node = [], Graph.node
    monkeypatch.setattr(Graph, "node", lambda graph, *given, **more: asked.append(given) or node(graph, *given, **more))
    graph = Graph()
    for window in range(2, 64):
        graph.output(std(volume, window))
    assert len(asked) < 2.5 * len(graph.nodes)


def test_an_output_that_others_read_is_not_overwritten(panel):
    chain = [RET]
    for step in range(6):
        chain.append(chain[-1] * 2 + step)
    values = Plan({str(i): x for i, x in enumerate(chain)}).batch(panel).values[1:]
    for i in range(1, len(chain)):
        np.testing.assert_array_equal(values[..., i], values[..., i - 1] * 2 + (i - 1))


@pytest.mark.parametrize("rows", [1, 7, 64, 10**6])
def test_chunks_are_the_batch(panel, plan, rows):
    parts = [(part.times, part.values.copy()) for part in plan.chunks(panel, rows)]
    np.testing.assert_array_equal(np.concatenate([values for _, values in parts]), plan.batch(panel).values)
    assert max(len(times) for times, _ in parts) == min(rows, len(panel))
    assert parts[0][0].append([times for times, _ in parts[1:]]).equals(panel.times)


def test_chunks_take_a_row_at_least(panel, plan):
    with pytest.raises(ConfigError, match="at least one row"):
        next(plan.chunks(panel, 0))


def test_a_plan_shows_its_graph_cost_and_memory():
    text = Plan({"ret": RET, "rank": cs_rank(lag(RET, 2))}).explain(graph=True)
    assert "cost: about 6" in text
    assert "KiB a symbol in a stream" in text
    assert "MiB a block of 64 symbols" in text  # fewer than without a comparison
    lines = [line.strip() for line in text.splitlines()]
    assert "%0 = load(close)" in lines
    assert "%1 = div(%0, %0[-1])" in lines
    assert "column 0 = %2" in lines
    assert "plane 2 = store(%2[-2], %3)" in lines
    assert "plane 3 = cs_rank(plane 2, 0.0)" in lines


def test_a_frame_is_a_view_of_the_result(panel, plan):
    features = plan.batch(panel)
    frame = features.frame()
    assert list(frame.columns) == list(plan.names)
    assert frame.index.names == ["time", "symbol"]
    last = frame.loc[(panel.times[-1], panel.symbols[1])]
    np.testing.assert_array_equal(last.to_numpy(), features.values[-1, 1])
    assert np.shares_memory(frame.to_numpy(), features.values)
