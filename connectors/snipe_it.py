"""Snipe-IT: the register of assets, its users, its licences with their seats, and the log of check-outs.

**Asks** in the order of ids `/hardware` and `/users`, the archived and the deleted too, `/licenses` and their `/seats`,
and `/reports/activity`, with a personal access token (`token`). Names come HTML-escaped and are unescaped; instants
have no zone and are in the source's `timezone`.

**Delivers** `assets` (in use = checked out to somebody or something, whatever the label says), `people` (deleted
or not activated = terminated; where people never sign in to Snipe-IT, say `true = "active"` and `false = "active"`
under `[sources.values.status]`), `entitlements` (a licence's cost is taken for that of one seat; say currency and
billing_period as constants), `seats`, `movements`.

**Gaps**: costs are text as the server formats numbers: set `decimal_separator` and `thousands_separator` if it does not
write 1,299.99. An asset's currency is not told: set constants.currency.
"""

import polars as pl

from connectors import web
from connectors.auth import Auth, BearerToken
from connectors.streams import Instead, Stream
from connectors.system import Delivery, Streams, System, WebOptions, either
from connectors.vault import Credential
from connectors.walks import Total

_WALK = Total(start="offset", limit="limit", size=500)  # the server gives fewer where it is set to
_BY_ID: dict[str, str | list[str]] = {
    "sort": "id",
    "order": "asc",
}  # by default the newest come first: pages would shift
_REFUSED = {"status": "error"}
_PERSON_ID = ("employee_num", "username")
_NO_USERS = "from_person and to_person are names only: the token may not list users"
_MONEY = {"thousands_separator": ","}


class SnipeOptions(WebOptions):
    """`url` is the server's address, without the /api/v1 below which its API stands."""

    token: Credential

    def own_way_in(self) -> Auth:
        return BearerToken(token=self.token)


def _list(path: str, *, name: str = "rows", looked_up: bool = False, **more: str) -> Stream:
    return Stream(
        name=name,
        looked_up=looked_up,
        path=f"api/v1/{path}",
        params={**_BY_ID, **more},
        records="rows",
        key="id",
        total="total",
        walk=_WALK,
        refused_when=_REFUSED,
    )


def _assets(options: SnipeOptions) -> list[Stream]:
    hidden = _list("hardware", name="hidden", status="{status}").model_copy(
        update={"over": {"status": ["Archived", "Deleted"]}, "carry": {"hidden": "{status}"}}
    )
    return [_list("hardware"), hidden]


def _people(options: SnipeOptions) -> list[Stream]:
    deleted = _list("users", name="deleted", deleted="true").model_copy(update={"carry": {"deleted": "true"}})
    return [_list("users"), deleted]


def _movements(options: SnipeOptions) -> list[Stream]:
    """The log names people by their id here alone: the users say who that is."""
    users = [
        stream.model_copy(update={"name": f"users_{stream.name}", "looked_up": True}) for stream in _people(options)
    ]
    users = [stream.model_copy(update={"instead": [Instead(status=403, note=_NO_USERS)]}) for stream in users]
    moves = {  # an answer has what was done in the words of the server's language: only what is asked for tells it
        name: _list("reports/activity", name=name, action_type=action)
        for name, action in {"checkout": "checkout", "checkin": "checkin from"}.items()
    }
    return [*users, *(stream.model_copy(update={"carry": {"move": name}}) for name, stream in moves.items())]


def _seats(options: SnipeOptions) -> list[Stream]:
    licences = _list("licenses", name="licences", looked_up=True)
    seats = _list("licenses/{id}/seats").model_copy(update={"each": "licences", "carry": {"product": "{name}"}})
    return [licences, seats]


def _plain(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    """Undo the escaping of HTML in every field."""
    marks = {"&amp;": "&", "&#039;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">"}
    fields = [name for name, kind in rows.schema.items() if kind == pl.String]
    return rows.with_columns(pl.col(name).str.replace_many(list(marks), list(marks.values())) for name in fields)


def _register(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    rows = _plain(rows, streams)
    label, kind = either(rows, "status_label.name").str.to_lowercase(), either(rows, "status_label.status_type")
    hidden = either(rows, "hidden")
    state = (
        pl.when(label.str.contains("lost|stolen|missing"))
        .then(pl.lit("lost"))
        .when(label.str.contains("dispos|scrap|recycl|sold"))
        .then(pl.lit("disposed"))
        .when(hidden.is_not_null() | (kind == "archived"))
        .then(pl.lit("retired"))
        .when(either(rows, "assigned_to.id").is_not_null())
        .then(pl.lit("in_use"))
        .when(kind == "deployable")
        .then(pl.lit("in_stock"))
        .when(kind.is_not_null())
        .then(pl.lit("in_repair"))
    )
    is_person = either(rows, "assigned_to.type") == "user"
    rows = rows.with_columns(
        state.alias("state"),
        pl.when(is_person).then(either(rows, "assigned_to.email", "assigned_to.username")).alias("holder"),
        pl.when(either(rows, "byod") == "true").then(pl.lit("personal")).alias("owned"),
        pl.coalesce(either(rows, "id"), pl.format("row {}", "_row")).alias("whose"),
    )
    # a server can be set to show the archived among all others, too
    return rows.unique("whose", keep="last", maintain_order=True).drop("whose")


def _employed(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    rows = _plain(rows, streams)
    gone = pl.when(either(rows, "deleted").is_not_null()).then(pl.lit("terminated"))
    return _named(rows, "manager.id", rows, "led by").with_columns(
        pl.coalesce(gone, either(rows, "activated")).alias("state"),
        either(rows, *_PERSON_ID).alias("person"),
    )


def _named(rows: pl.DataFrame, field: str, users: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with the person whose id a field holds, as `people` knows that person; null where no user has it."""
    known = users.select(either(users, "id").alias("known"), either(users, *_PERSON_ID).alias(name))
    known = known.drop_nulls("known").unique("known", keep="first", maintain_order=True)
    asked = rows.with_columns(either(rows, field).alias("known"))
    return asked.join(known, on="known", how="left", maintain_order="left").drop("known")


def _taken_seats(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    """Only seats that somebody or something has: a free one is nobody's."""
    rows = _plain(rows, streams)
    is_taken = either(rows, "assigned_user.id", "assigned_asset.id").is_not_null()
    return rows.filter(is_taken | either(rows, "id").is_null())


def _log(rows: pl.DataFrame, streams: Streams) -> pl.DataFrame:
    rows = _plain(rows, streams)
    users = [_plain(frame, streams) for name, frame in streams.items() if name.startswith("users_")]
    rows = _named(rows, "target.id", pl.concat(users, how="diagonal") if users else pl.DataFrame(), "held by")
    target = either(rows, "target.type").fill_null("user")
    move = either(rows, "move", "action_type").replace({"checkin from": "checkin"})
    ends = {
        "person": pl.when(target == "user").then(either(rows, "held by", "target.name")),
        "location": pl.when(target == "location").then(either(rows, "target.name")),
    }
    sides = {"to": move == "checkout", "from": move == "checkin"}
    is_asset = either(rows, "item.type").fill_null("asset") == "asset"  # licences are checked out, too
    moved = move.is_in(["checkout", "checkin"]).fill_null(True)
    return rows.filter(is_asset & moved).with_columns(
        either(rows, "item.name").str.extract(r"\(([^()]+)\)").alias("tag"),
        move.alias("move"),
        *(
            pl.when(side).then(end).alias(f"{name} {what}")
            for name, side in sides.items()
            for what, end in ends.items()
        ),
    )


SYSTEM = System(
    title="Snipe-IT",
    options=SnipeOptions,
    pull=web.pull,
    deliveries={
        "assets": Delivery(
            streams=_assets,
            derive=_register,
            reading=_MONEY,
            columns={
                "asset_tag": "asset_tag",
                "serial": "serial",
                "manufacturer": "manufacturer.name",
                "model": "model.name",
                "sku": "model_number",
                "asset_class": "category.name",
                "status": "state",
                "status_since": "last_checkout.datetime",
                "custodian": "holder",
                "location": ["location.name", "rtd_location.name"],
                "ownership": "owned",
                "cost": "purchase_cost",
                "purchased_on": "purchase_date.date",
                "po_number": "order_number",
                "warranty_end": "warranty_expires.date",
                "updated_at": "updated_at.datetime",
            },
        ),
        "people": Delivery(
            streams=_people,
            derive=_employed,
            columns={
                "person_id": "person",
                "full_name": ["name", "{first_name} {last_name}"],
                "email": "email",
                "username": "username",
                "status": "state",
                "start_date": "start_date.date",
                "end_date": "end_date.date",
                "manager_id": "led by",
                "department": "department.name",
                "location": "location.name",
            },
            values={"status": {"true": "active", "false": "terminated"}},
        ),
        "entitlements": Delivery(
            streams=lambda options: [_list("licenses")],
            derive=_plain,
            reading=_MONEY,
            columns={
                "contract_id": ["purchase_order", "order_number", "id"],
                "line_no": "id",
                "vendor": ["supplier.name", "manufacturer.name"],
                "product": "name",
                "quantity": "seats",
                "unit_price": ["purchase_cost_numeric", "purchase_cost"],
                "term_start": "purchase_date.date",
                "term_end": ["termination_date.date", "expiration_date.date"],
            },
        ),
        "seats": Delivery(
            streams=_seats,
            derive=_taken_seats,
            columns={
                "product": "product",
                "seat_id": "id",
                "email": "assigned_user.email",
                "display_name": ["assigned_user.name", "assigned_asset.name"],
            },
            constants={"status": "active"},
        ),
        "movements": Delivery(
            streams=_movements,
            derive=_log,
            columns={
                "event_id": "id",
                "kind": "move",
                "asset_tag": "tag",
                "from_person": "from person",
                "to_person": "to person",
                "from_location": "from location",
                "to_location": "to location",
                "occurred_at": "created_at.datetime",
                "reason": "note",
            },
        ),
    },
)
