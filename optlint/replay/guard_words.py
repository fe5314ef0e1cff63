"""The words that are closed to scripts: attributes that lead out of a value, and builtins that touch the world."""

from __future__ import annotations

DEFINABLE = frozenset(
    "__init__ __call__ __len__ __iter__ __next__ __enter__ __exit__ __getitem__ __setitem__ __delitem__ "
    "__contains__ __repr__ __str__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __bool__ __int__ "
    "__float__ __index__ __getattr__ __post_init__ __setstate__ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ "
    "__mul__ __rmul__ __imul__ __truediv__ __rtruediv__ __itruediv__ __floordiv__ __rfloordiv__ __mod__ "
    "__rmod__ __pow__ __rpow__ __matmul__ __rmatmul__ __neg__ __pos__ __abs__ __and__ __or__ __xor__ "
    "__invert__ __round__".split()
)
"""Special methods that a class of a script may define and call by name: none hands out what it was not given."""

OPEN = DEFINABLE | frozenset("__name__ __qualname__ __doc__ __version__ __slots__".split())
"""Special names that may stand in a script; besides, `x.__class__.__name__` may."""

INNER = frozenset(
    "gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await tb_frame "
    "tb_next tb_lasti f_back f_globals f_locals f_builtins f_code f_trace func_globals func_code mro".split()
)
"""Attributes of generators, tracebacks, frames and classes that lead to all that Python has."""

FILES = frozenset(
    "format_map obj tofile ctypes with_traceback storage untyped_storage typed_storage from_file share_memory "
    "share_memory_ _C _write_file _set_from_file _new_with_file _typed_storage".split()
)
"""Attributes of texts, errors, arrays and storages that read attributes by a text, hold a module, or make files."""

CLOSED_BUILTINS = frozenset(
    "exec eval compile open input __import__ globals locals vars dir breakpoint help exit quit copyright "
    "credits license memoryview aiter anext".split()
)


def is_dunder(word: str) -> bool:
    """Whether a word is one of Python's own: `__globals__`."""
    return word.startswith("__") and word.endswith("__")


def closed_word(word: str) -> bool:
    """Whether a word may stand nowhere in a script, as whatever identifier."""
    return word in INNER or (is_dunder(word) and word not in OPEN)


def closed_attribute(word: str) -> bool:
    """Whether a word may not be an attribute, though perhaps a name; of the open special ones see `guard`."""
    return closed_word(word) or word in FILES or word.startswith(("_share_", "_new_shared"))


def closed_text(word: object) -> bool:
    """Whether `getattr` and its like may not take this for a name.

    Only a plain text will do: one of a class of the script's own could say one thing here and another there.
    """
    if type(word) is not str:
        return True
    return closed_attribute(word) or word == "format"
