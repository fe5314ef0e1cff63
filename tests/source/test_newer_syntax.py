"""Syntax that is newer than the Python that runs these tests: read as that newer Python reads it, where it stands.

On a Python that knows the syntax `ast` reads it, and the same must hold; tests of what only older ones do are skipped.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlint.source.candidate import may_be_newer
from optlint.source.text import Source, SourceError, mask_of, parse

PATH = Path("train.py")
before_312 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads the syntax of 3.12")
before_313 = pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python reads the syntax of 3.13")
before_314 = pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads the syntax of 3.14")
before_315 = pytest.mark.skipif(sys.version_info >= (3, 15), reason="this Python reads the syntax of 3.15")


def meaning(module: ast.AST) -> str:
    """Return a tree as text, without positions, type parameters and aliases."""
    for node in ast.walk(module):
        if hasattr(node, "type_params"):
            node.type_params = []
        for statements in vars(node).values():
            if isinstance(statements, list):
                statements[:] = [
                    ast.Expr(ast.Tuple([], ast.Load())) if type(item).__name__ == "TypeAlias" else item
                    for item in statements
                ]
    return ast.dump(module)


def masked(text: str) -> str | None:
    mask = mask_of(text)
    return None if mask is None else mask.text


def found(text: str, name: str) -> list[str]:
    """Return the characters of the text that the tree gives to the calls of a function."""
    source = Source.from_bytes(PATH, text.encode())
    spans = [
        source.span(node)
        for node in ast.walk(parse(source.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
    return sorted(source.text[span.start : span.end] for span in spans)


STATEMENTS = {
    "def f[T](x: T): pass\n": "def f(x: T): pass\n",
    "async def f[T: (int, str), *Ts, **P](x: T) -> T: pass\n": "async def f(x: T) -> T: pass\n",
    "def f[  # why\n    T,\n\n    U,\n](x): pass\n": "def f(x): pass\n",
    "def f[T] \\\n  (x): pass\n": "def f(x): pass\n",
    "class A[T]: pass\n": "class A: pass\n",
    "class A[T](Base, key=1): pass\n": "class A(Base, key=1): pass\n",
    "class A[\n  T  # why\n]:\n  pass\n": "class A:\n  pass\n",
    "class A[T: 'Größe'](Base): pass\n": "class A(Base): pass\n",
    """class A[T: f"{d["a"]}", U: 'a' f"{b}"](f"{d["a"]}"): pass\n""": """class A(f"{d['a']}"): pass\n""",
    "class A[T = int, *Ts = *tuple[int]]: pass\n": "class A: pass\n",
    "type X = int\n": "()\n",
    "if a: type X[T] = list[T]; b()\n": "if a: (); b()\n",
    "type X = (\n  int\n); b()\n": "(); b()\n",
    "type X = (a) | \\\n  b\nc()\n": "()\nc()\n",
    "type = 1\ntype X = int\nprint(type)\n": "type = 1\n()\nprint(type)\n",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_type_parameters_and_aliases_are_read_over(text: str) -> None:
    assert meaning(parse(text)) == meaning(ast.parse(STATEMENTS[text]))


STRINGS = {
    """x = f"{d["a"]}"\n""": """x = f"{d['a']}"\n""",
    """x = f'{d['a']} {d['b']}'\n""": """x = f'{d["a"]} {d["b"]}'\n""",
    """x = rf"\\d{d["a"]}"\n""": """x = rf"\\d{d['a']}"\n""",
    """x = f"a {{b}} {d["a"]!r:>{w["b"]}.{q}} ü" "s" F'{c,}{e, g}' + y\n""": (
        """x = f"a {{b}} {d['a']!r:>{w['b']}.{q}} ü" "s" F'{c,}{e, g}' + y\n"""
    ),
    """x = f"{d["a"]:%Y-%m}{a}{b}"\n""": """x = f"{d['a']:%Y-%m}{a}{b}"\n""",
    """x = f"{c["a"],}{*d["b"], *e}"\n""": """x = f"{c['a'],}{*d['b'], *e}"\n""",
    """x = f"{(yield)} {(z := d["a"])} {(lambda: "1")} { {"a": 1}["a"]} {(i for i in "a")}"\n""": (
        """x = f"{(yield)} {(z := d['a'])} {(lambda: '1')} { {'a': 1}['a']} {(i for i in 'a')}"\n"""
    ),
    """x = f"{a  # why\n}"\n""": """x = f"{a}"\n""",
    """x = f"{\n  a\n  ["b"]\n:{\nw}}"\n""": """x = f"{a['b']:{w}}"\n""",
    '''x = f"""\n{d["""a"""]}\n  é"""\n''': '''x = f"""\n{d['a']}\n  é"""\n''',
    """x = ("a"  # why\n  f"{d["a"]}" 'b'\n  f"{c}")\n""": """x = ("a" f"{d['a']}" 'b' f"{c}")\n""",
    """x = "a" "b" f"{d["a"]}" f"{e["a"]}" f"{c}"\n""": """x = "a" "b" f"{d['a']}" f"{e['a']}" f"{c}"\n""",
    """x = f"{f"{a} b"} c"\n""": """x = f"{f'{a} b'} c"\n""",
    """x = f"{f"{f"{a} b"} c"} d"\n""": '''x = f"""{f'{f"{a} b"} c'} d"""\n''',
    """return_ = lambda: f"{d["a"]}".join(f"{d["b"]}")[f"{d["c"]}"]\n""": (
        """return_ = lambda: f"{d['a']}".join(f"{d['b']}")[f"{d['c']}"]\n"""
    ),
}


@pytest.mark.parametrize("text", STRINGS)
def test_strings_of_any_nesting_are_read_as_strings(text: str) -> None:
    assert meaning(parse(text)) == meaning(ast.parse(STRINGS[text]))


@before_312
def test_backslashes_in_the_expressions_of_strings_are_read() -> None:
    joined = parse('x = f"{"\\n".join(a)}"\n').body[0]
    assert isinstance(joined, ast.Assign)
    assert isinstance(joined.value, ast.JoinedStr)
    (field,) = joined.value.values
    assert isinstance(field, ast.FormattedValue)
    assert ast.dump(field.value) == ast.dump(ast.parse("'\\n'.join(a)", mode="eval").body)


@before_314
@pytest.mark.parametrize("text", ['x = t"{a} b"\n', 'x = T"{a}" f" b"\n'])
def test_template_strings_are_read_as_other_strings(text: str) -> None:
    assert meaning(parse(text)) == meaning(ast.parse('x = f"{a} b"\n'))


@before_314
@pytest.mark.parametrize("star", ["", "*"])
@pytest.mark.parametrize("caught", ["A, B", "A, b.C, D", "A,B,"])
def test_several_exceptions_without_brackets_are_caught(caught: str, star: str) -> None:
    text = f"try:\n    a()\nexcept{star} {caught}:\n    b()\n"
    assert found(text, "b") == ["b()"]
    assert masked(text) == re.sub(",(?=[:])", " ", re.sub(r",(?=\s*\w)", "|", text))


MIXED = """\
type Größe = int


class Läufer[T: "ü", U](Base):  # é
    def f[T, *Ts](self, x: T = mark("ü 1")) -> T:
        print(f"é {d["ä"]} ü {mark("é 2")!r:>{mark("3")}} ö", mark("ü 4")); x = "ü"; mark("5")
        type Ä = "é"; mark("6")
        return f'''é
            ü {mark('é 7')} {d['ü']}''' + mark("8") if "é" else f"{
                mark("9")  # ü
            } ü" "ö" + mark("10")
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_nodes_stand_where_their_characters_are(newline: str) -> None:
    text = MIXED.replace("\n", newline)
    numbers = ["ü 1", "é 2", "3", "ü 4", "5", "6", "8", "9", "10"]
    assert found(text, "mark") == sorted([*(f'mark("{number}")' for number in numbers), "mark('é 7')"])


@before_314
def test_only_what_this_python_refuses_is_masked() -> None:
    assert mask_of("def f(x: int): pass\n") is None
    assert masked("""a = f"{b['c']}", t"{d}", f'{e}'\n""") == """a = f"{b['c']}", {  d,}, f'{e}'\n"""


@before_314
@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python does not read the syntax of 3.12")
def test_syntax_of_this_python_stays_beside_newer_syntax() -> None:
    older = """class A[T]: pass\ntype X[T] = int\nx = f"{d["a"]}"\n"""
    assert masked(f"{older}y = t'{{b}}'\n") == f"{older}y = {{  b,}}\n"


@before_312
def test_a_mask_has_the_lines_comments_and_offsets_of_the_text() -> None:
    text = 'class A[  # é\n  T,\n](B): pass\ntype X = (  # why\n int\n)\nx = f"é{\n a["b"]  # c\n} d", y\n'
    assert masked(text) == (
        'class A(  # é\n    \n  B): pass\n(           # why\n    \n)\nx = {   \n a["b"]  # c\n,  }, y\n'
    )


@before_313
def test_defaults_of_type_parameters_are_masked_with_the_others() -> None:
    assert masked("class A[T = int]: pass\n") == "class A(       ): pass\n"


ERRORS = [
    "def f[T](: pass\n",
    'x = f"{d["a"]"\n',
    "try: pass\nexcept A, B as: pass\n",
    "try: pass\nexcept A, B as c: pass\n",
    "type X =\n",
    'x = f"{d["a"]} \\N{NO SUCH}"\n',
    'x = f"{d["a"]} {b!z}"\n',
    "def f[T](): pass\nprint x\n",
]


@pytest.mark.parametrize("text", ERRORS)
def test_a_syntax_error_is_that_of_ast(text: str) -> None:
    with pytest.raises(SyntaxError) as expected:
        ast.parse(text)
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.reason == f"{expected.value.msg}: mend the syntax"
    assert (caught.value.row, caught.value.column) == (expected.value.lineno, expected.value.offset)


@before_312
def test_an_error_beside_newer_syntax_is_reported_where_it_stands() -> None:
    # libcst reads more bytes than there are: only `ast` looks into them.
    with pytest.raises(SourceError) as caught:
        parse("def f[T](é: T): pass\nx = f'{d['a']}', b'é'\n")
    assert (caught.value.reason, caught.value.row, caught.value.column) == (
        "bytes can only contain ASCII literal characters: mend the syntax",
        2,
        18,
    )


@before_312
def test_a_bare_yield_in_a_newer_string_is_reported_as_newer() -> None:
    with pytest.raises(SourceError, match="the syntax is newer than Python"):
        parse('def f():\n    x = f"{yield d["a"]}"\n')


@before_315
@pytest.mark.parametrize(
    "text", ["a = 1\nif a:\n    x = [*b for b in c]\n", "a = 1\nif a:\n    x = {**b for b in c}\n"]
)
def test_syntax_that_nothing_older_stands_for_is_reported_as_newer(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text)
    if "newer" not in caught.value.reason:
        pytest.skip("this libcst does not read it either")
    version = ".".join(map(str, sys.version_info[:2]))
    assert caught.value.reason == (
        f"the syntax is newer than Python {version}, which runs optlint: run optlint with a newer Python"
    )
    assert (caught.value.row, caught.value.column) == (3, 9)


BAD = {
    "null bytes": "def f[T](): \0pass\n",
    "open brackets": "def f[T](): pass\nx = " + "(" * 50_000,
    "closed brackets": "def f[T](): pass\nx = " + "[" * 50_000 + "]" * 50_000,
    "calls": "def f[T](): pass\nx = a" + "()" * 50_000,
    "sum": "def f[T](): pass\nx = " + "1 + " * 50_000 + "1",
    "continued sum": "def f[T](): pass\nx = " + "1 + \\\n" * 50_000 + "1",
    "negations": "def f[T](): pass\nx = " + "not " * 50_000 + "1",
    "attributes": "def f[T](): pass\nx = a" + ".b" * 50_000,
    "elif": "def f[T](): pass\nif a: pass\n" + "elif a: pass\n" * 5_000,
    "indentation": "def f[T](): pass\n" + "".join(" " * depth + "if a:\n" for depth in range(800)) + " " * 800 + "b",
    "strings": "def f[T](): pass\nx = " + 'f"{' * 50_000 + "1" + '}"' * 50_000,
    "length": "def f[T](: pass\n" + "x = f(1, 2, a=3)\n" * 50_000,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_an_error_and_no_crash(name: str) -> None:
    with pytest.raises(SourceError):
        parse(BAD[name] + "\nx = = 1\n")


HEAVY = {
    **{name: text for name, text in BAD.items() if name not in ("null bytes", "indentation")},
    "brackets": "def f[T](): pass\nx = " + "f(" * 300 + ")" * 300,
    "elif": "def f[T](): pass\nif a: pass\n" + "elif a: pass\n" * 1_200,
    "numbers": "def f[T](): pass\nx = [" + "1," * 60_000 + "]",
}


@pytest.mark.parametrize("name", HEAVY)
def test_what_libcst_cannot_bear_is_not_given_to_it(name: str) -> None:
    assert not may_be_newer(HEAVY[name])


LIGHT = {
    "brackets": "x = " + "f(" * 150 + ")" * 150,
    "numbers": "x = [" + "1, 2,\n" * 5_000 + "]",
    "lines": "x = a.b(c)\n" * 5_000,
    "text": '"""' + "It's not (deep, only long.\n" * 5_000 + '"""\n',
    "comments": "x = 1  # it's (one\n" * 5_000,
    "calls": "x = a" + ".b(c)" * 150,
}


@pytest.mark.parametrize("name", LIGHT)
def test_long_files_of_a_common_kind_are_given_to_libcst(name: str) -> None:
    assert may_be_newer("def f[T](): pass\n" + LIGHT[name])


@before_312
def test_a_chain_too_long_for_the_stack_of_python_is_an_error() -> None:
    text = "def f[T](): pass\nx = " + "1 + " * 480 + "1\n"
    assert may_be_newer(text)
    with pytest.raises(SourceError):
        parse(text)


def test_libcst_is_imported_only_for_a_text_that_may_be_newer() -> None:
    lines = [
        "import sys",
        "from optlint.source.text import SourceError, mask_of, parse",
        "plain = '''def f(): # noqa\\n  return f\"{d['a']}\"\\n'''",
        "parse(plain), mask_of(plain)",
        "try: parse('def f(:')",
        "except SourceError: pass",
        "assert 'libcst' not in sys.modules",
        "parse('def f[T](): pass')",
        "assert ('libcst' in sys.modules) == (sys.version_info < (3, 12))",
    ]
    subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


NAMES = st.sampled_from(["a", "é", "größe", "名", "_x"])
TEXTS = st.sampled_from(["", " ", "ü ", "{{x}}", "😀", "a, b", "#", "!", "()"])
KEYS = st.sampled_from(["k", "é", "a b", "😀"])


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, str]:
    """Return an expression as a newer Python reads it inside of "..." and as every Python does."""
    name, key = draw(NAMES), draw(KEYS)
    options = [
        (name, name),
        (f'{name}["{key}"]', f"{name}['{key}']"),
        (f'({name}("{key}"), 1)', f"({name}('{key}'), 1)"),
        (f"{name}, {name}", f"{name}, {name}"),
        (f"{name},", f"{name},"),
        (f"\n  {name}  # é\n ", name),
    ]
    return draw(st.sampled_from(options))


@st.composite
def strings(draw: st.DrawFn) -> tuple[str, str]:
    """Return a string with expressions in both ways."""
    text = draw(TEXTS)
    newer, older = [text], [text]
    for new, old in draw(st.lists(expressions(), min_size=1, max_size=3)):
        tail = draw(st.sampled_from(["", "!r", ":>5", "!s:{w}", ":{w}.{p}"]))
        text = draw(TEXTS)
        newer.append(f"{{{new}{tail}}}{text}")
        older.append(f"{{{old}{tail}}}{text}")
    parts = f'f"{"".join(newer)}"', f'f"{"".join(older)}"'
    before = draw(st.sampled_from(["", '"é" ', "f'{b}' 'c' "]))
    return f"({before}{parts[0]})", f"({before}{parts[1]})"


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, str]:
    """Return a line of code in both ways."""
    name = draw(NAMES)
    (new, old), (more_new, more_old) = draw(strings()), draw(strings())
    parameters = draw(st.sampled_from(["[T]", "[é: 'ü', *Ts]", "[\n\n  T,  # é\n]", "[T: (int, str)]"]))
    return draw(
        st.sampled_from(
            [
                (f"{name} = {new}, {more_new}; mark(1)\n", f"{name} = {old}, {more_old}; mark(1)\n"),
                (f"if mark(2): mark({new})\n", f"if mark(2): mark({old})\n"),
                (f"def {name}{parameters}(x={new}): mark(3)\n", f"def {name}(x={old}): mark(3)\n"),
                (f"class {name}{parameters}: mark(4)\n", f"class {name}: mark(4)\n"),
                (f"class {name}{parameters}(b({new})): mark(5)\n", f"class {name}(b({old})): mark(5)\n"),
                (f"type {name} = {new}; mark(6)\n", "(); mark(6)\n"),
                (f"type {name}{parameters} = {name}; mark(7)\n", "(); mark(7)\n"),
                ("mark(8)\n", "mark(8)\n"),
            ]
        )
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(statements(), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_any_mix_is_read_as_the_older_way_of_writing_it(mix: list[tuple[str, str]], newline: str) -> None:
    text, older = ("".join(parts).replace("\n", newline) for parts in zip(*mix, strict=True))
    assert meaning(parse(text)) == meaning(ast.parse(older))
    marks = [mark for mark in found(text, "mark") if len(mark) == len("mark(1)")]
    assert marks == sorted(re.findall(r"mark\(\d\)", text))
    if (mask := mask_of(text)) is not None:
        assert len(mask.text) == len(text)
        assert [len(line) for line in mask.text.split("\n")] == [len(line) for line in text.split("\n")]
        assert mask.text.count(newline) == text.count(newline)
