"""What an id names: an asset, a person, a seat, a contract … with every record that means it.

Nobody is found by name and nothing by host name, as nowhere else in the house. A text may name several things; whoever
asks then chooses by its kind, written before it as `asset:1234`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import polars as pl

from tieout import normalize
from tieout.facts.ground import Ground
from tieout.feeds import FEEDS
from tieout.identity.people import MEMORY_KEYS, Keys
from tieout.rule import SEPARATOR
from tieout.world import product_key

Records = Mapping[str, list[int]]
"""Feed → the `_id` of rows it delivered."""


@dataclass(frozen=True)
class Thing:
    """Something a user may ask about.

    `feeds` are those whose records *are* the thing; `subjects` names it as rules of a grain do, in normal form;
    `records` are the rows of any feed that mean it or are about it. `named` are the asset tags (in normal form) and
    persons that records are matched to when they mean it.
    """

    kind: str
    name: str
    feeds: tuple[str, ...] = ()
    subjects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    records: Records = field(default_factory=dict)
    named: tuple[str, ...] = ()


OF_TAG = ("asset", "register_tag", "disposal_item", "loan")
OF_SERIAL = ("serial", "enrolled_device", "found_device", "received_serial", "disposal_item")
OF_PRODUCT = ("product", "overlap")

BY_KEY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "endpoint": (("endpoint_id",), ("endpoints",)),
    "order": (("po_number",), ("purchases",)),
    "order-line": (("po_number", "line_no"), ("purchases",)),
    "receipt": (("receipt_id",), ("receipts",)),
    "receipt-line": (("receipt_id", "line_no"), ("receipts",)),
    "invoice": (("invoice_id",), ("invoices",)),
    "invoice-line": (("invoice_id", "line_no"), ("invoices",)),
    "ledger": (("ledger_id",), ("ledger",)),
    "movement": (("event_id",), ("movements",)),
    "license-move": (("event_id",), ("license_moves",)),
    "disposal": (("event_id",), ("disposals",)),
    "batch": (("batch_id",), ("disposals",)),
    "count": (("count_id",), ("counts",)),
    "scan": (("count_id", "scan_id"), ("scans",)),
    "code": (("code",), ("scans",)),
    "stock": (("sku", "location"), ("stock", "stock_counts")),
    "bin": (("sku", "location", "bin"), ("stock", "stock_counts")),
    "ticket": (("ticket_id",), ("tickets",)),
}
"""Things that are just records: the columns that name them, joined by `/`, and the feeds that have them."""
NAMED_ALONE: Mapping[str, tuple[str, ...]] = {
    "people": ("person_id", "email"), "accounts": ("account_id",), "assets": ("asset_tag", "serial"),
    "endpoints": ("serial",), "seats": ("product",), "entitlements": ("contract_id", "product"),
}  # fmt: skip
"""Columns of feeds that each name another thing by themselves."""


def find(ground: Ground, text: str) -> list[Thing]:
    """Every thing a text names; of two that are one, the one that says more. Empty where nothing is known by it."""
    kind, _, rest = text.partition(":")
    if kind in KINDS and (asked := _distinct(KINDS[kind](ground, rest.strip()))):
        return asked
    named = _distinct(thing for finder in KINDS.values() for thing in finder(ground, text.strip()))
    return named or _seats_of(ground, text.strip())


def subject(ground: Ground, grain: str, key: str, name: str) -> Thing:
    """The thing a subject of a grain is, by its key in normal form; its records may all be gone."""
    if grain in ("asset", "register_tag"):
        return _asset(ground, key, name)
    if grain == "person":
        return _person(ground, key)
    if grain in OF_PRODUCT:
        return _product(ground, key, name)
    finder = {"seat": _seats, "account": _accounts, "claimant": _accounts, "line": _lines}.get(grain)
    found = finder(ground, name) if finder else []
    return next(iter(found), Thing(grain.replace("_", "-"), name, (), {grain: (key,)}))


def nearest(ground: Ground, text: str, most: int = 5) -> list[str]:
    """Known ids that look like a text, nearest first; each names something."""
    folded = text.strip().casefold()
    asked = [(feed, columns) for columns, feeds in BY_KEY.values() for feed in feeds]
    asked += [(feed, (column,)) for feed, columns in NAMED_ALONE.items() for column in columns]
    ids = pl.concat(
        ground.world.delivered(feed).select(id=pl.concat_str(pl.col(columns).cast(pl.String), separator="/"))
        for feed, columns in asked
    )
    known = ids.drop_nulls().unique().with_columns(pl.col("id").str.to_lowercase().alias("folded")).sort("id")
    for length in range(len(folded), 0, -1):
        begins = pl.col("folded").str.starts_with(folded[:length])
        alike = known.filter(begins | pl.col("folded").str.contains(folded, literal=True)).head(2000)
        by_fold = dict(alike.select("folded", "id").iter_rows())
        if near := get_close_matches(folded, by_fold, n=most, cutoff=0.5):
            return [by_fold[one] for one in near]
    return []


# -- one finder a kind -------------------------------------------------------------------------------------------------


def _assets(ground: Ground, text: str) -> list[Thing]:
    key = _normal(text, normalize.code)
    known = ground.assets_before["tag_key"].to_list() if key else []
    rows = ground.devices.register.filter(pl.col("tag_key") == key)
    if rows.is_empty() and key not in known:
        return []
    return [_asset(ground, str(key), rows["asset_tag"][0] if rows.height else str(key))]


def _asset(ground: Ground, tag_key: str, name: str) -> Thing:
    devices, world = ground.devices, ground.world
    own = world.delivered("assets").filter(normalize.code(pl.col("asset_tag")) == tag_key)
    serials = tuple(devices.register.filter(pl.col("tag_key") == tag_key)["serial_key"].drop_nulls().unique().sort())
    named = pl.col("asset_key") == tag_key
    several = pl.col("named").list.contains(tag_key).fill_null(False)
    records = {
        "assets": _ids(own),
        "endpoints": _ids(ground.endpoints.filter(named)),
        "scans": _ids(ground.scans.filter(named.fill_null(False) | several | (pl.col("code_key") == tag_key))),
        "movements": _ids(ground.movements.filter(named)),
    }
    for feed in ("tickets", "disposals", "ledger", "receipts"):
        rows = world.rows(feed)
        keyed = rows if "asset_tag" in rows.columns else rows.with_columns(asset_tag=pl.lit(None, pl.String))
        records[feed] = _ids(devices.resolve(keyed).filter(named))
    subjects = {**dict.fromkeys(OF_SERIAL, serials), **dict.fromkeys(OF_TAG, (tag_key,))}
    subjects["disposal_item"] = (tag_key, *serials)
    return Thing("asset", name, ("assets", "endpoints"), subjects, records, (tag_key,))


def _serials(ground: Ground, text: str) -> list[Thing]:
    """A serial is the asset that bears it, where it is one; else whatever records show it."""
    key = _normal(text, normalize.serial)
    if not key:
        return []
    borne = ground.devices.register.filter(pl.col("serial_key") == key)
    if borne["tag_key"].n_unique() == 1:
        return [_asset(ground, borne["tag_key"][0], borne["asset_tag"][0])]
    records = {}
    for feed in FEEDS.values():
        columns = [name for name in ("serial", "parent_serial") if name in feed]
        if columns:
            shows = pl.any_horizontal(normalize.serial(pl.col(name)) == key for name in columns)
            records[feed.name] = _ids(ground.world.delivered(feed.name).filter(shows.fill_null(False)))
    if not any(records.values()):
        return []
    return [Thing("serial", key, (), dict.fromkeys(OF_SERIAL, (key,)), records)]


def _persons(ground: Ground, text: str) -> list[Thing]:
    """Everyone a person_id, address, alias, former address or sign-in name ever named."""
    live = ground.people.keys.filter(pl.col("kind") != "account_id")
    former = ground.world.remembered("memory_person_keys", MEMORY_KEYS)
    address = _normal(text, normalize.email)
    hit = pl.when(pl.col("kind") == "person_id").then(pl.col("key") == text).otherwise(pl.col("key") == address)
    found = live.filter(hit)["person_id"].unique().sort().to_list()
    found = found or former.filter(hit)["person_id"].unique().sort().to_list()
    known = ground.people.known["person_id"]
    return [_person(ground, person) for person in found if person in known]


def _person(ground: Ground, person_id: str) -> Thing:
    people, world = ground.people, ground.world
    of_person = pl.col("person_id") == person_id
    tickets = world.rows("tickets")
    records = {
        "people": _ids(world.delivered("people").filter(of_person)),
        "accounts": _ids(ground.accounts.filter(pl.col("owner_id") == person_id)),
        "seats": _ids(ground.holders.filter(of_person).collect()),
        "assets": _ids(ground.custodians.filter(of_person)),
        "endpoints": _ids(ground.endpoints.filter(pl.col("user_id") == person_id)),
        "movements": _ids(ground.movements.filter((pl.col("from_id") == person_id) | (pl.col("to_id") == person_id))),
        "tickets": _ids(people.resolve(tickets, Keys(any_kind="person")).filter(of_person)),
    }
    return Thing("person", person_id, ("people",), {"person": (person_id,)}, records, (person_id,))


def _accounts(ground: Ground, text: str) -> list[Thing]:
    rows = ground.accounts.filter(pl.col("account_id") == text)
    if rows.is_empty():
        return []
    owners = tuple(rows["owner_id"].drop_nulls().unique().sort())
    everywhere = _ids(ground.world.delivered("accounts").filter(pl.col("account_id") == text))
    return [
        Thing(
            "account", text, ("accounts",), {"account": (text,), "claimant": (text,)}, {"accounts": everywhere}, owners
        )
    ]


def _seats(ground: Ground, text: str) -> list[Thing]:
    found = []
    for product, seat_id in _splits(text):
        rows = ground.seats.filter(
            (pl.col("product_key") == _product_key(ground, product)) & (pl.col("seat_id") == seat_id)
        )
        if rows.height:
            key = f"{rows['product_key'][0]}{SEPARATOR}{seat_id}"
            name = f"{rows['product'][0]}/{seat_id}"
            found.append(Thing("seat", name, ("seats",), {"seat": (key,), "claimant": (key,)}, {"seats": _ids(rows)}))
    return found


def _seats_of(ground: Ground, seat_id: str) -> list[Thing]:
    """The seats of one user id, whatever the product."""
    products = ground.seats.filter(pl.col("seat_id") == seat_id)["product"].unique().sort()
    return [thing for product in products for thing in _seats(ground, f"{product}/{seat_id}")]


def _lines(ground: Ground, text: str) -> list[Thing]:
    rows = ground.world.delivered("entitlements")
    found = []
    for contract, number in _splits(text):
        own = rows.filter((pl.col("contract_id") == contract) & (pl.col("line_no").cast(pl.String) == number))
        if own.height:
            key = f"{contract}{SEPARATOR}{number}"
            found.append(Thing("line", text, ("entitlements",), {"line": (key,)}, {"entitlements": _ids(own)}))
    return found


def _contracts(ground: Ground, text: str) -> list[Thing]:
    of_contract = pl.col("contract_id").str.to_lowercase() == text.lower()
    records = {feed: _ids(ground.world.delivered(feed).filter(of_contract)) for feed in ("entitlements", "invoices")}
    return [Thing("contract", text, ("entitlements",), {}, records)] if records["entitlements"] else []


def _products(ground: Ground, text: str) -> list[Thing]:
    key = _product_key(ground, text)
    return [] if key is None else [thing for thing in [_product(ground, key, text)] if any(thing.records.values())]


def _product(ground: Ground, key: str, name: str) -> Thing:
    named = product_key(ground.world.settings, pl.col("product")) == key
    feeds = ("entitlements", "invoices", "license_moves", "seats")
    records = {feed: _ids(ground.world.delivered(feed).filter(named)) for feed in feeds}
    return Thing("product", name, (), dict.fromkeys(OF_PRODUCT, (key,)), records)


def _by_key(kind: str) -> Callable[[Ground, str], list[Thing]]:
    columns, feeds = BY_KEY[kind]
    name = pl.concat_str([pl.col(column).cast(pl.String) for column in columns], separator="/").str.to_lowercase()

    def finder(ground: Ground, text: str) -> list[Thing]:
        records = {feed: _ids(ground.world.delivered(feed).filter(name == text.lower())) for feed in feeds}
        return [Thing(kind, text, feeds, {}, records)] if any(records.values()) else []

    return finder


def _endpoints(ground: Ground, text: str) -> list[Thing]:
    """An endpoint is the asset that it was matched to, where it was."""
    named = pl.col("endpoint_id").str.to_lowercase() == text.lower()
    assets = ground.endpoints.filter(named)["asset_key"].drop_nulls().unique()
    return [_asset(ground, assets[0], assets[0])] if assets.len() == 1 else _by_key("endpoint")(ground, text)


KINDS: Mapping[str, Callable[[Ground, str], list[Thing]]] = {
    "asset": _assets, "serial": _serials, "person": _persons, "account": _accounts, "seat": _seats, "line": _lines,
    "contract": _contracts, "product": _products, **{kind: _by_key(kind) for kind in BY_KEY},
    "endpoint": _endpoints,
}  # fmt: skip


# -- inside ------------------------------------------------------------------------------------------------------------


def _distinct(things: Iterable[Thing]) -> list[Thing]:
    """The things, without those that an earlier one is or holds."""
    kept: list[Thing] = []
    for thing in things:
        if not any(_holds(other, thing) for other in kept):
            kept.append(thing)
    return kept


def _holds(one: Thing, other: Thing) -> bool:
    ids = [(feed, number) for feed, numbers in other.records.items() for number in numbers]
    return bool(ids) and all(number in one.records.get(feed, ()) for feed, number in ids)


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Every way to read a text as two parts joined by `/`."""
    parts = text.split("/")
    for cut in range(len(parts) - 1, 0, -1):
        yield "/".join(parts[:cut]), "/".join(parts[cut:])


def _normal(text: str, form: Callable[[pl.Expr], pl.Expr]) -> str | None:
    normal: str | None = pl.select(form(pl.lit(text, pl.String))).item()
    return normal


def _product_key(ground: Ground, text: str) -> str | None:
    return _normal(text, lambda column: product_key(ground.world.settings, column))


def _ids(rows: pl.DataFrame) -> list[int]:
    return rows["_id"].unique().sort().to_list()
