"""Features are expressions: immutable trees over past rows. No operator can look forward.

A node knows three things about itself from the tree alone: how many past rows it needs (`lookback`), which
fields it reads (`fields`), and its *price unit*. Multiply all prices of a symbol by k, as a split or a dividend
does to an adjusted series, and a node of unit u is multiplied by k ** u: a close has unit 1, a return 0. Only
unit 0 may leave a plan, so that nothing that happens to a share later changes what its features were.

NaN means unknown. Arithmetic, comparisons and windows of unknowns are unknown; `is_finite` asks; `where` reads only
the branch that it takes.
"""

from __future__ import annotations

import dataclasses
import hashlib
from math import isnan
from numbers import Real

from alpha.core.errors import ConfigError
from alpha.core.panel import PRICES

_PRICED = frozenset(PRICES) | {f"raw_{name}" for name in PRICES} | {"adj_close", "vwap", "dividend"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "ge": ">="}


@dataclasses.dataclass(frozen=True, eq=False, repr=False, slots=True)
class Expr:
    """A node of a feature expression. Build nodes with operators and functions, not by hand.

    Attributes
    ----------
    lookback : int
        Past rows needed beyond the current one. For recursive nodes: rows after which the start of
        the data has less than 1e-12 of the weight.
    fields : frozenset of str
        Panel fields that are read.
    recursive : bool
        Whether some operator (`ema`, `wilder`) has a memory that fades instead of one that ends.
    unit : float or None
        Degree of homogeneity in price; None: any (the constant zero).
    key : bytes
        Hash of the tree. Equal trees have equal keys, in any process.
    """

    op: str
    args: tuple[Expr, ...] = ()
    params: tuple[float | str, ...] = ()
    unit: float | None = 0.0
    past: int = 0
    fades: bool = False
    lookback: int = dataclasses.field(init=False)
    fields: frozenset[str] = dataclasses.field(init=False)
    recursive: bool = dataclasses.field(init=False)
    key: bytes = dataclasses.field(init=False)

    __array_ufunc__ = None  # numpy scalars on the left leave arithmetic to us

    def __post_init__(self) -> None:
        own = frozenset({str(self.params[0])}) if self.op == "field" else frozenset()
        text = repr((self.op, self.params, self.unit)).encode()
        digest = hashlib.blake2b(text + b"".join(arg.key for arg in self.args), digest_size=16)
        object.__setattr__(self, "lookback", self.past + max((arg.lookback for arg in self.args), default=0))
        object.__setattr__(self, "fields", own.union(*(arg.fields for arg in self.args)))
        object.__setattr__(self, "recursive", self.fades or any(arg.recursive for arg in self.args))
        object.__setattr__(self, "key", digest.digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __bool__(self) -> bool:
        raise ConfigError(
            f"{self!r} has a value a row, so it is neither true nor false; use where(condition, a, b)",
            code="ambiguous_truth",
        )

    def __repr__(self) -> str:
        if self.op in ("field", "const"):
            return f"{self.params[0]:g}" if self.op == "const" else str(self.params[0])
        if self.op in _INFIX:
            return f"({self.args[0]!r} {_INFIX[self.op]} {self.args[1]!r})"
        shown, params = list(map(repr, self.args)), self.params
        if self.op.startswith("cs_"):
            grouped = f"by={shown[2]}" if params[0] else ""
            shown, params = [shown[0], *shown[2 + bool(grouped) :], grouped], params[1:]
        inside = ", ".join([*filter(None, shown), *map(str, params)])
        return f"{self.op}({inside})" if inside else self.op

    def __add__(self, other: Expr | float) -> Expr:
        return _alike("add", self, other)

    def __radd__(self, other: float) -> Expr:
        return _alike("add", other, self)

    def __sub__(self, other: Expr | float) -> Expr:
        return _alike("sub", self, other)

    def __rsub__(self, other: float) -> Expr:
        return _alike("sub", other, self)

    def __mul__(self, other: Expr | float) -> Expr:
        return _product("mul", self, other)

    def __rmul__(self, other: float) -> Expr:
        return _product("mul", other, self)

    def __truediv__(self, other: Expr | float) -> Expr:
        return _product("div", self, other)

    def __rtruediv__(self, other: float) -> Expr:
        return _product("div", other, self)

    def __neg__(self) -> Expr:
        return Expr("neg", (self,), unit=self.unit)

    def __abs__(self) -> Expr:
        return abs(self)

    def __gt__(self, other: Expr | float) -> Expr:
        return _compare("gt", self, other)

    def __ge__(self, other: Expr | float) -> Expr:
        return _compare("ge", self, other)

    def __lt__(self, other: Expr | float) -> Expr:
        return _compare("gt", other, self)

    def __le__(self, other: Expr | float) -> Expr:
        return _compare("ge", other, self)


def field(name: str, *, unit: float | None = None) -> Expr:
    """Return the leaf that reads a field of the panel.

    Parameters
    ----------
    name : str
        Any field: of the bars, or joined to them, such as ``vix``.
    unit : float, optional
        Price unit; default: 1 for the fields that are prices (open, raw_close, dividend ...), else 0.
    """
    if unit is None:
        unit = 1.0 if name in _PRICED else 0.0
    return Expr("field", params=(name,), unit=float(unit))


open, high, low, close, volume = map(field, ("open", "high", "low", "close", "volume"))
tradable = Expr("tradable")
"""1 where the symbol belonged to the universe and had a price, else 0."""
time = Expr("time")
"""When the bar closed and was known, in seconds since 1970, UTC: the same for every symbol."""


def expr(value: Expr | float) -> Expr:
    """Return `value` as an expression; a number becomes a constant.

    A constant has unit 0, except that zero and NaN have every unit: ``maximum(close - open, 0)`` is a price, but
    ``close > 50`` compares a price with a number and is refused, because a split would change the answer.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, Real):
        return Expr("const", params=(float(value),), unit=None if value == 0 or isnan(value) else 0.0)
    raise ConfigError(f"expected an expression or a number; it was {value!r}", code="not_an_expression")


def where(condition: Expr, then: Expr | float, otherwise: Expr | float) -> Expr:
    """Return `then` where `condition` is not 0, else `otherwise`; NaN where `condition` is NaN."""
    chosen, rest = expr(then), expr(otherwise)
    return Expr("where", (expr(condition), chosen, rest), unit=_common_unit("where", chosen, rest))


def minimum(left: Expr | float, right: Expr | float) -> Expr:
    """Return the smaller of two values in every row; NaN where either is."""
    return _alike("minimum", left, right)


def maximum(left: Expr | float, right: Expr | float) -> Expr:
    """Return the larger of two values in every row; NaN where either is."""
    return _alike("maximum", left, right)


def clip(x: Expr, low: Expr | float, high: Expr | float) -> Expr:
    """Return `x` held between `low` and `high`; NaN where any of them is."""
    return minimum(maximum(x, low), high)


def abs(x: Expr) -> Expr:
    """Return the absolute value; NaN of NaN."""
    return Expr("abs", (x,), unit=x.unit)


def sqrt(x: Expr) -> Expr:
    """Return the square root; NaN below zero. It halves the unit."""
    return Expr("sqrt", (x,), unit=None if x.unit is None else x.unit / 2)


def log(x: Expr) -> Expr:
    """Return the natural logarithm of a pure number; -inf at zero, NaN below."""
    return Expr("log", (pure("log", x),))


def exp(x: Expr) -> Expr:
    """Return the exponential of a pure number; NaN of NaN."""
    return Expr("exp", (pure("exp", x),))


def sign(x: Expr) -> Expr:
    """Return -1, 0 or 1; NaN of NaN."""
    return Expr("sign", (x,))


def is_finite(x: Expr) -> Expr:
    """Return 1 where `x` is a finite number and 0 where it is NaN or infinite: never NaN itself."""
    return Expr("is_finite", (x,))


def pure(op: str, x: Expr) -> Expr:
    """Return `x` if it has unit 0; refuse it as an operand of `op` otherwise."""
    if x.unit:
        raise ConfigError(
            f"{op} needs a pure number; {x!r} has price unit {x.unit:g}; divide by a price", code="price_unit"
        )
    return x


def _common_unit(op: str, *args: Expr) -> float | None:
    units = {arg.unit for arg in args} - {None}
    if len(units) > 1:
        shown = ", ".join(f"{arg!r} has {arg.unit:g}" for arg in args if arg.unit is not None)
        raise ConfigError(f"{op} needs operands of one price unit: {shown}; divide by a price", code="mixed_units")
    return units.pop() if units else None


def _alike(op: str, left: Expr | float, right: Expr | float) -> Expr:
    args = (expr(left), expr(right))
    return Expr(op, args, unit=_common_unit(op, *args))


def _compare(op: str, left: Expr | float, right: Expr | float) -> Expr:
    args = (expr(left), expr(right))
    _common_unit("a comparison", *args)
    return Expr(op, args)


def _product(op: str, left: Expr | float, right: Expr | float) -> Expr:
    a, b = expr(left), expr(right)
    if a.unit is None or b.unit is None:
        return Expr(op, (a, b), unit=None if op == "mul" or a.unit is None else a.unit)
    return Expr(op, (a, b), unit=a.unit + b.unit if op == "mul" else a.unit - b.unit)
