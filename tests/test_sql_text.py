"""No value and no name gets into the text of a statement but by the two functions that quote them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUOTING = ("quoted", "literal")
ASKS = ("execute", "sql", "query")
WHOLE = {
    ("pipelines/warehouse.py", "sql"),  # what a person asks, of a database opened so that it reaches nothing else
    ("connectors/sql.py", "query"),  # as the config states it
    ("checks/expectations/asking.py", "query"),  # as a suite of ours states it, of a batch as the library names it
    ("checks/expectations/asking.py", "show"),  # views, one of each table
}
"""Statements that are given as a whole."""
Scope = list[ast.AST]


def modules() -> list[Path]:
    return sorted(
        path
        for top in ("checks", "connectors", "pipelines", "reports", "tieout")
        for path in (ROOT / top).rglob("*.py")
    )


def asked(tree: ast.AST, scope: Scope | None = None) -> Iterator[tuple[ast.expr, Scope]]:
    """Every text that is put to a database, with the functions around it."""
    around = [*(scope or []), tree] if isinstance(tree, ast.Module | ast.FunctionDef | ast.Lambda) else scope or []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = node.args[1:2] if name == "query" else node.args[:1]
            if name in ASKS:
                yield from ((text, around) for text in texts)
        yield from asked(node, around)


def is_sound(text: ast.AST, scope: Scope) -> bool:
    """Whether nothing is in a text but what stands in the code, and what was quoted."""
    match text:
        case ast.Constant() | ast.Name(id="text"):
            return True
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(is_sound(part, scope) for part in parts)
        case ast.FormattedValue(value=inner) | ast.Starred(value=inner):
            return is_sound(inner, scope)
        case ast.Name(id=name):
            return is_said(name, scope)
        case ast.BinOp(left=left, right=right):
            return is_sound(left, scope) and is_sound(right, scope)
        case ast.IfExp(body=one, orelse=other):
            return is_sound(one, scope) and is_sound(other, scope)
        case ast.ListComp(elt=each) | ast.GeneratorExp(elt=each):
            return is_sound(each, scope)
        case ast.Call(func=ast.Name(id=name)) if name in QUOTING:
            return True
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=name), _]):
            return name in QUOTING
        case ast.Call(func=ast.Name(id="text") | ast.Attribute(attr="text"), args=[inner]):
            return is_sound(inner, scope)
        case ast.Call(func=ast.Attribute(value=whole, attr="format" | "join"), args=args, keywords=named):
            return all(is_sound(part, scope) for part in (whole, *args, *(one.value for one in named)))
    return False


def is_said(name: str, scope: Scope) -> bool:
    """Whether a name stands for sound texts only: all it is given in the nearest function that gives it any."""
    for number in range(len(scope), 0, -1):
        given = [
            node.value
            for node in ast.walk(scope[number - 1])
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id == name
        ]
        if given:
            return all(is_sound(value, scope[:number]) for value in given)
    imported = (
        alias.name
        for node in ast.walk(scope[0])
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipelines")
        for alias in node.names
    )
    return name.isupper() and name in imported


def unsound(path: Path, source: str) -> list[int]:
    """The lines of a module in which a text holds something else."""
    name = path.relative_to(ROOT).as_posix()
    return [
        text.lineno
        for text, scope in asked(ast.parse(source))
        if not is_sound(text, scope)
        and not any((name, n.id) in WHOLE for n in ast.walk(text) if isinstance(n, ast.Name))
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_and_values_are_quoted(path: Path) -> None:
    assert unsound(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("call", "sound"),
    [
        ('c.execute("SELECT 1")', True),
        ('c.execute(f"FROM {quoted(t)}")', True),
        ('c.execute(f"FROM {t}")', False),
        ('c.execute("FROM %s" % t)', False),
        ('c.execute("FROM " + t)', False),
        ('c.execute("FROM {}".format(t))', False),
        ('c.execute("FROM {}".format(", ".join(map(quoted, t))))', True),
        ('x = f"FROM {t}"\n    c.execute(x)', False),
        ('x = quoted(t)\n    c.execute(f"FROM {x}")', True),
        ("query(path, t)", False),
    ],
)
def test_what_is_not_quoted_is_told(call: str, sound: bool) -> None:
    assert (unsound(ROOT / "pipelines" / "x.py", f"def f(c, t, path):\n    {call}\n") == []) is sound
