"""Research, bless, and print each step."""

from __future__ import annotations

from alpha.cli import show
from alpha.cli.progress import track
from alpha.config import Config
from alpha.operate import blessing, hints, study
from alpha.report import html


def bless(
    cfg: Config, written: str, model: str | None, reason: str | None, options: str = "", *, select: bool = False
) -> None:
    """Research, and bless the best candidate or `model`; parameters as of `alpha.operate.blessing.bless`.

    Raises
    ------
    GateFailed
        The candidate failed a gate. It is kept for shadow runs, and its report is written.
    """
    blessing.check(cfg, written, model=model, selected=select)
    found, folder = study.study(cfg, track)
    show.study(found)
    print(f"report: {folder / html.FILE}")
    kept = blessing.bless(found, written, model=model, selected=select, reason=reason, options=options)
    show.looked(kept)
    print(f"blessed: {kept.blessed}")
    if select:
        print(f"selected in {written}; to trade it on paper: {hints.command(hints.PAPER, options)}")
