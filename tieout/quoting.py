"""Names and texts as SQL writes them: the only way in which either gets into a statement."""


def quoted(name: str) -> str:
    """A name as SQL writes it, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it, for the statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
