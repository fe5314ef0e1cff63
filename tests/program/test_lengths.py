"""The algebra of lengths: equal, a multiple, or not to be compared."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from optlint.program.lengths import Length, factor_of, made_of, number_of, ratio, ratio_by_default

EPOCHS = factor_of("epochs", "epochs", default=10)
BATCHES = factor_of("loader", "len(loader)", counts=True)
OTHERS = factor_of("other loader", "len(other)", counts=True)


def test_products_are_equal_in_any_order() -> None:
    assert EPOCHS * BATCHES == BATCHES * EPOCHS
    assert EPOCHS * BATCHES != EPOCHS * OTHERS


def test_what_is_added_and_taken_away_is_gone() -> None:
    assert EPOCHS + number_of(1) - number_of(1) == EPOCHS
    assert (EPOCHS + BATCHES) - BATCHES == EPOCHS


def test_a_ratio_is_a_number_or_unknown() -> None:
    assert ratio(number_of(3) * EPOCHS * BATCHES, EPOCHS * BATCHES) == 3
    assert ratio(EPOCHS * BATCHES, EPOCHS) is None
    assert ratio(EPOCHS - number_of(5), EPOCHS) is None
    assert ratio((EPOCHS + number_of(1)) * number_of(2), EPOCHS + number_of(1)) == 2
    assert ratio(EPOCHS, Length()) is None


def test_defaults_of_the_command_line_count_where_nothing_else_is_known() -> None:
    assert ratio_by_default(number_of(200), EPOCHS) == 20
    assert ratio_by_default(number_of(200), BATCHES) is None
    assert ratio_by_default(EPOCHS * BATCHES, BATCHES * EPOCHS) == 1


def test_a_length_in_batches_counts_elements() -> None:
    assert (EPOCHS * BATCHES).counts
    assert (BATCHES / number_of(4)).floor().counts
    assert not EPOCHS.counts
    assert not (EPOCHS / BATCHES).counts
    assert not (BATCHES + EPOCHS).counts


def test_rounding_is_done_where_it_can_be() -> None:
    assert (number_of(7) / number_of(2)).floor() == number_of(3)
    assert (number_of(7) / number_of(2)).ceil() == number_of(4)
    assert (EPOCHS * BATCHES / EPOCHS).floor() == BATCHES
    assert (BATCHES / EPOCHS).floor() == (BATCHES / EPOCHS).floor()
    assert (BATCHES / EPOCHS).floor() != (BATCHES / EPOCHS).ceil()


def test_a_part_of_a_length_is_made_of_it() -> None:
    assert made_of((EPOCHS / number_of(3)).floor(), EPOCHS)
    assert not made_of(EPOCHS * BATCHES, EPOCHS)
    assert not made_of(number_of(3), EPOCHS)


def test_decimal_fractions_are_what_they_look_like() -> None:
    assert number_of(0.1) * number_of(10) == number_of(1)


def test_lengths_are_shown_as_one_would_write_them() -> None:
    assert str(number_of(3) * BATCHES) == "3 * len(loader)"
    assert str(BATCHES / EPOCHS) == "len(loader) / epochs"
    assert str(Length()) == "0"


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_known_factors_come_out_as_arithmetic_has_them(a: int, b: int, c: int) -> None:
    length = (number_of(a) * BATCHES + number_of(b) * BATCHES) / number_of(c)
    assert ratio(length, BATCHES) == Fraction(a + b, c)
