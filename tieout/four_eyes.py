"""Whether two texts name one person, so that nobody approves what they asked for."""

import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import polars as pl


def same_person(one: str, other: str, people: Mapping[str, str] = MappingProxyType({})) -> bool:
    """True when two texts name one person: by name or e-mail in any case, or by a name spelt out in the address.

    Also where both are known as keys of one person. In doubt it says yes: two steps of one person look like four eyes,
    two people are asked once more.
    """
    one_is, other_is = ({people[key] for key in _keys_in(text) if key in people} for text in (one, other))
    if one_is & other_is:
        return True
    names, addresses = _identify(one)
    other_names, other_addresses = _identify(other)
    if addresses and other_addresses:
        return bool(addresses & other_addresses)
    spelt = names | {_spelt(address) for address in addresses}
    other_spelt = other_names | {_spelt(address) for address in other_addresses}
    return bool(spelt & other_spelt - {""})


def whose(texts: Iterable[str], keys: pl.DataFrame, people: pl.DataFrame) -> dict[str, str]:
    """Whose the names, addresses, usernames and numbers in some texts are: key → person_id.

    `keys` and `people` are what is remembered of everyone: key and person_id, full_name and person_id. A key that
    several people bore names nobody.
    """
    named = {key for text in texts for key in _keys_in(text)}
    words = pl.col("key").str.to_lowercase().str.extract_all(r"[\pL\pN]+").list.sort().list.join(" ")
    names = people.select("person_id", key="full_name")
    folded = pl.concat([keys.select(names.columns), names]).with_columns(
        pl.when(pl.col("key").str.contains("@", literal=True)).then(pl.col("key").str.to_lowercase()).otherwise(words)
    )
    folded = folded.filter(pl.col("key").is_in(sorted(named))).unique()
    return dict(folded.filter(pl.col("key").is_unique()).select("key", "person_id").iter_rows())


def _keys_in(text: str) -> list[str]:
    """By what a text that names somebody is looked up: its parts in small letters, of names the words in one order."""
    return [part if "@" in part else _spelt(part) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [part.strip() for part in folded.replace(">", "<").split("<") if part.strip()]


def _identify(text: str) -> tuple[set[str], set[str]]:
    """The names and the addresses in `Ada Byron`, `ada@x.org` or `Ada Byron <ada@x.org>`."""
    parts = _parts(text)
    addresses = {part for part in parts if "@" in part}
    return {_spelt(part) for part in parts if "@" not in part}, addresses


def _spelt(text: str) -> str:
    """The words of a name or of the part of an address before the @, in one order."""
    local = text.split("@")[0]
    return " ".join(sorted("".join(c if c.isalnum() else " " for c in local).split()))
