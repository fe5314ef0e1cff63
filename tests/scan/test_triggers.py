"""The words of many rules, looked for together, choose the same rules as each rule's words looked for alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optlint.scan.triggers import Groups, Triggers

WORDS = st.text("ab.", min_size=1, max_size=4)
GROUPS = st.lists(st.lists(WORDS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)


@given(st.lists(GROUPS, max_size=8), st.text("ab.", max_size=12))
def test_rules_are_chosen_whose_words_all_stand_in_the_file(rules: list[Groups], text: str) -> None:
    alone = [
        number for number, groups in enumerate(rules) if any(all(word in text for word in group) for group in groups)
    ]
    assert Triggers(rules).among(text.encode()) == alone


def test_a_word_is_not_looked_for_where_a_part_of_it_is_missing() -> None:
    class Counting(bytes):
        asked: list[bytes]

        def __contains__(self, word: object) -> bool:
            assert isinstance(word, bytes)
            self.asked.append(word)
            return super().__contains__(word)

    data = Counting(b"import torch\n")
    data.asked = []
    triggers = Triggers([(("optim.", "torch"),), (("optim", "torch"),), (("optimizer", "torch"), ("torch.optim",))])
    assert triggers.among(data) == []
    assert data.asked == [b"optim"]
