"""Edits of a text whose syntax is newer than that of the Python that runs these tests: the original is edited."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from optlint.syntax.editor import CannotEditError
from optlint.syntax.tokens import Tokens

if TYPE_CHECKING:
    from conftest import Code

TEXT = """\
def f[T](x: T) -> None:
    if x:
        print(f"é {d["é"]}",  # é
              "ü")
    y = call(f"{d["a, b"]}" 'c', key=f"{
  d["b"]  # d
}"); z()
    print(f'''{d['''c''']}
  e''')
"""


def test_a_moved_statement_keeps_its_strings(code: Callable[[str], Code]) -> None:
    text = code(TEXT)
    after = text.after(text.editor.move_after(text.statement("print(f'''"), text.statement("if x")))
    lines = TEXT.splitlines(keepends=True)
    assert after == "".join([*lines[:4], *lines[7:], *lines[4:7]])


def test_a_moved_statement_is_indented_anew_where_no_string_is_changed(code: Callable[[str], Code]) -> None:
    text = code(TEXT)
    after = text.after(text.editor.move_after(text.statement('print(f"é'), text.statement("if x")))
    shown = '    print(f"é {d["é"]}",  # é\n          "ü")\n'
    assert after == TEXT.replace(TEXT[TEXT.index("        print") : TEXT.index("    y")], f"        pass\n{shown}")


def test_a_string_over_several_lines_is_not_indented_anew(code: Callable[[str], Code]) -> None:
    text = code(TEXT)
    with pytest.raises(CannotEditError, match="string over several lines"):
        text.editor.move_after(text.statement("print(f'''"), text.statement('print(f"é'))


def test_a_statement_behind_a_string_over_several_lines_is_deleted(code: Callable[[str], Code]) -> None:
    text = code(TEXT)
    assert text.after(text.editor.delete(text.statement("z()"))) == TEXT.replace("; z()", "")


@pytest.mark.parametrize(
    ("argument", "after"),
    [
        ("""f"{d["a, b"]}" 'c'""", 'call(key=f"{\n  d["b"]  # d\n}")'),
        ("""f"{\n  d["b"]  # d\n}\"""", """call(f"{d["a, b"]}" 'c')"""),
    ],
)
def test_an_argument_that_is_a_string_is_removed(code: Callable[[str], Code], argument: str, after: str) -> None:
    text = code(TEXT)
    call = text.node('call(f"{d["a, b"]}" \'c\', key=f"{\n  d["b"]  # d\n}")', ast.Call)
    assert isinstance(call, ast.Call)
    items: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    (string,) = [item for item in items if text.editor.text(item).endswith(argument)]
    assert f"    y = {after}; z()\n" in text.after(text.editor.remove_argument(call, string))


def test_a_string_is_wrapped_and_extended_as_a_whole(code: Callable[[str], Code]) -> None:
    text = code('x = f"{d["a"]}" "ü", y\n')
    string = text.node('f"{d["a"]}" "ü"', ast.JoinedStr)
    assert text.after(text.editor.wrap(string, "g(", ")")) == 'x = g(f"{d["a"]}" "ü"), y\n'
    assert text.after(text.editor.append(string, ".lower()")) == 'x = f"{d["a"]}" "ü".lower(), y\n'


def test_what_stands_in_a_string_is_not_replaced(code: Callable[[str], Code]) -> None:
    text = code('x = f"é {d["a"]}"\n')
    with pytest.raises(CannotEditError, match="inside an f-string"):
        text.editor.replace(text.node('d["a"]', ast.Subscript), "e")


def test_a_name_in_a_string_is_renamed(code: Callable[[str], Code]) -> None:
    text = code('x = f"é {a.b["c"]}"\n')
    attribute = text.node("a.b", ast.Attribute)
    assert isinstance(attribute, ast.Attribute)
    assert text.after(text.editor.rename_attribute(attribute, "d")) == 'x = f"é {a.d["c"]}"\n'


def test_a_base_behind_type_parameters_keeps_its_brackets(code: Callable[[str], Code]) -> None:
    text = code("class A[T: 'é']((B)): pass\n")
    assert text.after(text.editor.wrap(text.node("B", ast.Name), "g(", ")")) == "class A[T: 'é'](g(B)): pass\n"


def test_a_string_in_a_string_is_a_part_of_its_token(code: Callable[[str], Code]) -> None:
    text = code("""x = f"{f"{d["a"]}" + f'{b}'}", c\n""")
    assert [token.text for token in Tokens(text.source).code[2:4]] == ["""f"{f"{d["a"]}" + f'{b}'}\"""", ","]


def test_strings_are_single_tokens_with_the_characters_of_the_text(code: Callable[[str], Code]) -> None:
    tokens = Tokens(code(TEXT).source)
    strings = [token.text for token in tokens.code if token.text.lower().startswith(("f'", 'f"'))]
    assert strings == ['f"é {d["é"]}"', 'f"{d["a, b"]}"', 'f"{\n  d["b"]  # d\n}"', "f'''{d['''c''']}\n  e'''"]
    assert tokens.string_rows == {6, 7, 9}
    assert [comment.text for comment in tokens.comments] == ["# é"]
