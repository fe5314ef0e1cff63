"""Lengths: how many elements, epochs or steps there are, as an algebra of numbers and of values that nobody knows.

A length is a sum of products of factors, with fractions before them: `epochs * len(loader)`, `100`, `total - warmup`.
A factor is a value, by its identity: `len(loader)` of one loader is one factor wherever it is written, and of another
loader it is another one. What cannot be computed, as `len(loader) // 4`, is a factor of its own that knows what it was
made of. All factors are taken to be positive.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

MOST_TERMS = 6
"""Terms of a sum that is kept as one; a longer one is a factor of its own."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A value that nobody knows, one for each `key`.

    Attributes:
        key: The identity of the value.
        text: What people call it.
        counts: Whether it is a number of elements, `len(x)`, or was made of one.
        default: What it is unless somebody wants otherwise: the default of an argument of the command line.
        parts: The lengths that it was made of.
    """

    key: Hashable
    text: str = field(default="", compare=False)
    counts: bool = field(default=False, compare=False)
    default: Fraction | None = field(default=None, compare=False)
    parts: tuple[Length, ...] = field(default=(), compare=False)

    @property
    def order(self) -> str:
        """By what factors are sorted in a product."""
        return repr(self.key)


Product: TypeAlias = tuple[tuple[Factor, int], ...]
"""Factors with their exponents, in their order."""


@dataclass(frozen=True, slots=True)
class Length:
    """A sum of products; equal lengths are equal values."""

    terms: tuple[tuple[Product, Fraction], ...] = ()

    @property
    def number(self) -> Fraction | None:
        """The number that it is, or None."""
        if not self.terms:
            return Fraction(0)
        product, number = self.terms[0]
        return number if len(self.terms) == 1 and not product else None

    @property
    def by_default(self) -> Fraction | None:
        """The number that it is where all arguments of the command line have their defaults, or None."""
        total = Fraction(0)
        for product, number in self.terms:
            for factor, exponent in product:
                if factor.default is None or (not factor.default and exponent < 0):
                    return None
                number *= factor.default**exponent
            total += number
        return total

    @property
    def counts(self) -> bool:
        """Whether a number of elements is among the factors of each of its terms."""
        return bool(self.terms) and all(
            any(factor.counts and exponent > 0 for factor, exponent in product) for product, _ in self.terms
        )

    @property
    def is_entire(self) -> bool:
        """Whether nothing stands below a fraction bar."""
        numbers = (number.denominator for _, number in self.terms)
        return all(x == 1 for x in numbers) and all(e > 0 for product, _ in self.terms for _, e in product)

    def factors(self) -> Iterator[Factor]:
        """Yield all factors, and those that they were made of."""
        for product, _ in self.terms:
            for factor, _ in product:
                yield factor
                for part in factor.parts:
                    yield from part.factors()

    def __add__(self, other: Length) -> Length:
        """Return the sum."""
        return _sum((*self.terms, *other.terms))

    def __sub__(self, other: Length) -> Length:
        """Return the difference."""
        return _sum((*self.terms, *((product, -number) for product, number in other.terms)))

    def __mul__(self, other: Length) -> Length:
        """Return the product."""
        return _sum((_times(a, b), x * y) for a, x in self.terms for b, y in other.terms)

    def __truediv__(self, other: Length) -> Length:
        """Return the quotient, which need not be a whole number."""
        if len(other.terms) == 1:
            [(divisor, number)] = other.terms
            inverse = tuple((factor, -exponent) for factor, exponent in divisor)
            return _sum((_times(product, inverse), x / number) for product, x in self.terms)
        times = _proportion(self, other)
        if times is not None:
            return number_of(times)
        return _made("/", self, other)

    def floor(self) -> Length:
        """Return the next whole number below."""
        return self._rounded("floor")

    def ceil(self) -> Length:
        """Return the next whole number above."""
        return self._rounded("ceil")

    def _rounded(self, how: str) -> Length:
        number = self.number
        if number is not None:
            return number_of(math.floor(number) if how == "floor" else math.ceil(number))
        whole = all(x.denominator == 1 and all(exponent > 0 for _, exponent in product) for product, x in self.terms)
        return self if whole else _made(how, self)

    def __str__(self) -> str:
        """Return it as one would write it."""
        return " + ".join(map(_worded, self.terms)) or "0"


def number_of(value: Fraction | float) -> Length:
    """Return the length that a number is; 0.1 is a tenth, whatever its binary digits are."""
    return Length((((), Fraction(str(value))),)) if value else Length()


def factor_of(
    key: Hashable, text: str = "", *, counts: bool = False, default: Fraction | float | None = None
) -> Length:
    """Return the length that a value is of which nothing more is known."""
    default = None if default is None else Fraction(default)
    return Length(((((Factor(key, text, counts, default), 1),), Fraction(1)),))


def product_of(lengths: Iterable[Length]) -> Length:
    """Return the product of some lengths; of none it is 1."""
    made = number_of(1)
    for length in lengths:
        made = made * length
    return made


def ratio(length: Length, other: Length) -> Fraction | None:
    """Return how many times as long as another one a length is, or None where that is not known.

    None as well where the other one is 0.
    """
    return (length / other).number if other.terms else None


def ratio_by_default(length: Length, other: Length) -> Fraction | None:
    """Return the same where all arguments of the command line have their defaults."""
    certain = ratio(length, other)
    if certain is not None:
        return certain
    ours, theirs = length.by_default, other.by_default
    return ours / theirs if ours is not None and theirs else None


def made_of(length: Length, other: Length) -> bool:
    """Whether a length was computed from another one, and from nothing else that is unknown."""
    own = {factor for factor in length.factors() if not factor.parts}
    theirs = {factor for factor in other.factors() if not factor.parts}
    return bool(own) and own <= theirs


def _times(first: Product, second: Product) -> Product:
    exponents: dict[Factor, int] = dict(first)
    for factor, exponent in second:
        exponents[factor] = exponents.get(factor, 0) + exponent
    return tuple(sorted(((f, e) for f, e in exponents.items() if e), key=lambda pair: pair[0].order))


def _sum(terms: Iterable[tuple[Product, Fraction]]) -> Length:
    totals: dict[Product, Fraction] = {}
    for product, number in terms:
        totals[product] = totals.get(product, Fraction(0)) + number
    kept = [(product, number) for product, number in totals.items() if number]
    kept.sort(key=lambda term: [(factor.order, exponent) for factor, exponent in term[0]])
    made = Length(tuple(kept))
    return made if len(kept) <= MOST_TERMS else _made("sum", made)


def _made(how: str, *parts: Length) -> Length:
    """Return a factor that was made of some lengths in a way that is not computed."""
    counts = parts[0].counts
    factor = Factor((how, *parts), f"{how}({', '.join(map(str, parts))})", counts, None, parts)
    defaults = [part.by_default for part in parts]
    if len(defaults) == 1 and defaults[0] is not None and how in ("floor", "ceil"):
        whole = Fraction(math.floor(defaults[0]) if how == "floor" else math.ceil(defaults[0]))
        factor = Factor(factor.key, factor.text, counts, whole, parts)
    return Length(((((factor, 1),), Fraction(1)),))


def _proportion(first: Length, second: Length) -> Fraction | None:
    """Return the number that makes the second length the first one, or None."""
    if len(first.terms) != len(second.terms) or not first.terms:
        return None
    times = {a == b and x / y for (a, x), (b, y) in zip(first.terms, second.terms, strict=True)}
    found = times.pop()
    return found if not times and found is not False else None


def _worded(term: tuple[Product, Fraction]) -> str:
    product, number = term
    above = [_power(factor, exponent) for factor, exponent in product if exponent > 0]
    below = [_power(factor, -exponent) for factor, exponent in product if exponent < 0]
    if number != 1 or not above:
        above.insert(0, str(number))
    return " * ".join(above) + "".join(f" / {each}" for each in below)


def _power(factor: Factor, exponent: int) -> str:
    text = factor.text or "?"
    return text if exponent == 1 else f"{text}**{exponent}"
