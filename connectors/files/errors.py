"""Why a file cannot be used, said in one sentence for the user."""

from connectors.texts import is_text
from tieout.settings import Limits


class FileError(Exception):
    """A file that cannot be used as a whole; the text is one sentence for the user."""


def hold(size: int, name: str, limits: Limits) -> None:
    """Raise FileError for a size above the limit of that name."""
    limit = getattr(limits, name)
    if size > limit:
        raise FileError(f"it {beyond(name, limit)}")


def hold_name(name: str) -> None:
    """Raise FileError for a name that is no text, as of a file that was unpacked from another system's archive."""
    if not is_text([name]):
        raise FileError(f"the name of {name!a} is not UTF-8; rename the file")


def beyond(name: str, limit: int) -> str:
    """What to say of a thing that is larger than a limit."""
    return f"is larger than its limit, {name} = {limit}; if that is right, raise it under limits"
