"""What a workspace's `tieout.toml` may say: typed, closed, one clear meaning a key.

Pure models; reading the file and turning a mistake into one sentence is `pipelines/workspace.py`'s work.
Secrets never stand here: a value may only name the environment variable that holds one.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from posixpath import normpath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tieout.feeds import ASSET_CLASSES, CLASS_WORDS, FEEDS, canonical
from tieout.kinds import (
    Address,
    Addresses,
    AssetClass,
    Classes,
    Count,
    CurrencyCode,
    Custody,
    Days,
    Domains,
    FeedName,
    Months,
    Patterns,
    Reference,
    Severity,
    Share,
    SourceName,
    Table,
    Texts,
    Zone,
)


class Bounds(Table):
    """Limits a delivery is judged by against the last GREEN one; shares are of that one's count.

    A breach makes the snapshot AMBER (its absences conclude nothing) until it is overridden or right again.
    """

    rows_from: Count = 50  # below this many rows, a drop of a few is no signal
    max_drop: Share = 0.20
    max_drop_rows: Count | None = None  # an absolute number instead of the share
    max_rise: float = 1.0
    min_rows: Count = 0  # holds for the first delivery too
    min_retained: Share | None = None  # None: 0.80, or 0.95 for a file without a control file; widens with the months
    max_fill_drop: Share = 0.20
    max_differing_keys: Share = 0.01
    amber_quarantined: Share = 0.05
    red_quarantined: Share = 0.50
    max_extract_days: Days = 5
    min_join: Share = 0.0  # of the rows that name people or devices, how many must name known ones; the first too
    max_join_drop: Share = 0.20  # by which that share may fall, for a state feed
    max_age_days: Days | None = None  # of the newest row


class Limits(Table):
    """How large a file may be before it is refused, so that none can fill the memory or the disk.

    A cell beyond its limit sets its row aside; any other limit refuses the file.
    """

    file_bytes: Annotated[int, Field(gt=0)] = 1024**3  # of one file as it is dropped
    unpacked_bytes: Annotated[int, Field(gt=0)] = 4 * 1024**3  # of a workbook or Parquet file, unpacked
    cell_chars: Annotated[int, Field(gt=0)] = 131_072
    columns: Annotated[int, Field(gt=0)] = 1_000
    rows: Annotated[int, Field(gt=0)] = 10_000_000


class Source(Table):
    """One configured system that delivers one feed.

    A connector other than `file` has options of its own beside these keys: `tieout sources` lists them.
    """

    name: SourceName
    feed: FeedName
    connector: str = "file"
    required: bool | None = None  # None: state feeds are, event feeds are not
    covers: list[str] = []  # products (seats) or asset classes (endpoints) it speaks for
    history_from: date | None = None
    bounds: Bounds = Bounds()
    limits: Limits = Limits()

    path: str | None = None  # file or glob, {period} stands for YYYY-MM; None: the inbox's own name
    format: Literal["csv", "xlsx", "jsonl", "parquet"] | None = None  # None: by the file's suffix
    encoding: str = "utf-8"  # UTF-16 is known by its byte order mark
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    sheet: str | None = None
    skip_rows: Annotated[int, Field(ge=0)] = 0  # lines above the header
    timezone: Zone | None = None  # of instants without a zone; None: the workspace's
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: Literal["", ",", ".", " ", "'"] = ""
    date_format: Patterns = []  # strptime patterns tried in order; none: ISO 8601 only
    formats: dict[str, Patterns] = {}  # the same for one column
    columns: dict[str, Texts] = {}  # feed column → source column, "{A} {B}" template, or several: first non-empty
    constants: dict[str, str] = {}  # feed column → value of every row
    values: dict[str, dict[str, str]] = {}  # feed column → {source value: feed value}
    never: list[str] = []  # source columns whose empty cell means *never*, once any row fills them; else *unknown*
    options: dict[str, Any] = {}  # of the connector; they may as well stand beside the other keys

    @property
    def is_live(self) -> bool:
        """Whether it is asked over the network instead of dropping files."""
        return self.connector != "file"

    @model_validator(mode="before")
    @classmethod
    def _bare_options(cls, value: object) -> object:
        if not isinstance(value, dict) or value.get("connector", "file") == "file":
            return value
        own = set(cls.model_fields) - {"path", "limits"}  # which are those of files, or options of the connector
        known = {k: v for k, v in value.items() if k in own}
        bare = {k: v for k, v in value.items() if k not in own and v is not None}
        return {**known, "options": {**known.get("options", {}), **bare}}

    @model_validator(mode="after")
    def _numbers_can_be_read(self) -> Self:
        if self.thousands_separator == self.decimal_separator:
            raise ValueError(f"decimal_separator and thousands_separator are both {self.decimal_separator!r}")
        return self

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        feed = FEEDS[self.feed]
        for table in ("columns", "constants", "values", "formats"):
            for column in getattr(self, table):
                if column not in feed:
                    raise ValueError(
                        f"{table}.{column} is no column of feed {self.feed!r}; "
                        f"its columns are {', '.join(c.name for c in feed.columns)}"
                    )
        return self


class ClassPolicy(BaseModel):
    """Limits and treatment of one asset class; other keys are limits of the rules by their name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    managed: bool | None = None  # endpoint management is expected to see it
    personal: bool | None = None  # has one user
    tracked: bool | None = None  # has a serial
    custody: Custody | None = None
    allowed: int | None = None  # devices in use one person may have


class PolicyTable(BaseModel):
    """Limits of the catalogue by their name; keys not listed here are limits of the rules."""

    model_config = ConfigDict(extra="allow", frozen=True)

    go_live: date | None = None
    confirm: bool = False
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 1
    due_days_critical: Days = 3  # working days from first publication or reopening
    due_days_high: Days = 10
    due_days_medium: Days = 20
    due_days_low: Days = 60
    legacy_days: Days = 180  # days within which what arose before go_live is to be settled
    waive_days: Days = 365  # longest a waiver may hold
    keep_days: Days = 90  # longest a decision to keep a seat holds
    notice_days: Days = 60  # before the end of a commitment, where its contract line does not say
    succession_days: Days = 31  # by which a contract line may overlap the one it follows
    regrant_days: Days = 30  # a released seat granted again within them was no reclaim
    increase_days: Days = 90  # bought again within them, units were not saved
    late_periods: Annotated[int, Field(ge=0)] = 3  # closed months whose inbox is still looked at for late deliveries
    write_off_approval_days: Days = 30  # an approval may precede a write-off by so much
    idle_before_order_days: Days = 30  # a unit in stock for so long could have met an order
    department_size: Count = 5  # employees from which a department shows whether its people need a computer
    equipped_share: Share = 0.8  # of them who hold one; below, joiners of the department need none
    usage_seats: Annotated[int, Field(ge=1)] = 10  # seats from which a standstill of all usage means something
    usage_fresh_days: Days = 14  # within which somebody's use of a product should have advanced
    concealed_seats: Annotated[int, Field(ge=1)] = 3  # seats from which pseudonyms are no accident
    concealed_share: Share = 0.8  # of users with a pseudonym from which usage says nothing
    suggest_from: Share = 0.92  # likeness of names from which a person is suggested for a record that names nobody
    confirm_days: Days = 7  # within which a receiver confirms an assign or a transfer, where confirm = true
    trust_lower_bound: Share = 0.97  # lower 95 % bound of accuracy from which records are TRUSTED
    watch_lower_bound: Share = 0.90  # from which they are on WATCH; below they are DISTRUSTED
    trust_coverage: Share = 0.80  # share of the records that must have been checked for TRUSTED
    proven_coverage: Share = 0.50  # below which they are UNPROVEN
    released_days: Days = 60  # within which an approved seat should be released
    classes: dict[AssetClass, ClassPolicy] = {}


class RuleTable(Table):
    """`[rules.<slug>]`: a key that is none of these is a limit of the rule, as under `params`."""

    on: bool = True
    severity: Severity | None = None
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _bare_params(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        known = {k: v for k, v in value.items() if k in cls.model_fields}
        bare = {k: v for k, v in value.items() if k not in cls.model_fields}
        return {**known, "params": {**known.get("params", {}), **bare}}


class Product(Table):
    """`[products."<name>"]`: how one product is named and judged."""

    aliases: list[str] = []
    includes: list[str] = []
    inactive_days: Days | None = None
    unused_days: Days | None = None
    bills_suspended: bool = False
    exempt: bool = False


class Route(Table):
    """`[[routes]]`: what matches every given key goes to `owner`."""

    owner: str
    rule: Texts = []
    process: Texts = []
    asset_class: Classes = []
    location: Texts = []
    cost_center: Texts = []
    product: Texts = []


class Owner(Table):
    """`[owners.<name>]`: a person or team that answers for exceptions."""

    email: Address | None = None
    reminders: bool = True


class Exemption(Table):
    """`[[exempt]]`: subjects, as exceptions name them, that a rule leaves alone; by whom, why, until when."""

    rule: str
    subject: Texts
    who: str
    why: str
    until: date
    approver: str | None = None


class Multiplicity(Table):
    """`[[multiplicities]]`: one device that rightly shows up as several records."""

    serial: Texts
    why: str


class Placeholders(Table):
    """`[placeholders]`: identifiers that name nothing here, beside the known ones."""

    serials: list[str] = []
    uuids: list[str] = []


class Role(Table):
    """`[roles.<name>]`: who may do what, and up to which value in reporting currency."""

    people: list[str] = []
    may: list[Literal["approve", "release", "realise", "close", "waive", "accept", "override"]] = []
    limit: Decimal | None = None


class Threshold(Table):
    """`[thresholds."<figure>"]`: a figure (`record_accuracy`, `record_accuracy/laptop`) or rule to watch.

    A figure that is past its `level`, or got worse by more than `change` since the period before, opens an escalation.
    """

    level: Decimal | None = None
    change: Decimal | None = None
    owner: Annotated[str, Field(min_length=1)]
    due_days: Days = 10  # working days from the breach

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.level is None and self.change is None:
            raise ValueError("a threshold needs a level, a change, or both")
        if self.change is not None and self.change < 0:
            raise ValueError("change says by how much the figure may get worse, so it is never negative")
        return self


class Roi(Table):
    """`[roi]`: what the return is reckoned from; a term whose inputs are not given is left out.

    Amounts are in reporting currency, per month where they recur.
    """

    hourly_rate: Annotated[Decimal, Field(ge=0)] | None = None  # cost of an hour of work
    minutes_saved: Annotated[Decimal, Field(ge=0)] | None = None  # of work, for each exception fixed
    downtime_hours: Annotated[Decimal, Field(ge=0)] | None = None  # avoided in a month, as assumed
    downtime_rate: Annotated[Decimal, Field(ge=0)] | None = None  # cost of an hour of downtime
    programme_cost: Annotated[Decimal, Field(ge=0)] | None = None  # of a month


class Smtp(Table):
    """`[notify.smtp]`: the server that takes mails."""

    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: Reference | None = None  # like "${SMTP_PASSWORD}"


class Notify(Table):
    """`[notify]`: who hears of a month, and when those who keep silent are reminded; see `tieout send`."""

    sender: Address | None = None  # the address mails come from
    reply_to: Address | None = None  # where answers go
    finance: Addresses = []  # addresses that get the licence reclaim
    escalate_to: Addresses = []  # addresses that also get the last reminder
    remind_after: list[Days] = [7, 14, 21]  # days after which an owner who has answered nothing is reminded
    smtp: Smtp = Smtp()
    webhook: Reference | None = None  # of a chat, like "${CHAT_WEBHOOK}": its address is a secret


class Retention(Table):
    """`[retention]`: how long evidence is kept at least, and which months are held although they are older."""

    evidence_years: Annotated[int, Field(ge=0)] = 7
    hold: Months = []  # months like 2019-03, or true for all of them

    def holds(self, period: str) -> bool:
        """Whether a month may not be purged."""
        return self.hold if isinstance(self.hold, bool) else period in self.hold


class Paths(Table):
    """Folders below the workspace."""

    inbox: str = "inbox"
    landing: str = "landing"
    warehouse: str = "warehouse"
    decisions: str = "decisions"
    published: str = "published"
    reports: str = "reports"
    rules: str = "rules"  # of the workspace's own: code that runs with the rights of whoever runs Tieout


class Settings(Table):
    """The whole of `tieout.toml`."""

    organisation: Annotated[str, Field(min_length=1)]
    reporting_currency: CurrencyCode
    timezone: Zone
    email_domains: Domains = []  # the address of a guest is of none of them
    paths: Paths = Paths()
    sources: list[Source] = []
    policy: PolicyTable = PolicyTable()
    rules: dict[str, RuleTable] = {}
    products: dict[str, Product] = {}
    routes: list[Route] = []
    owners: dict[str, Owner] = {}
    exempt: list[Exemption] = []
    multiplicities: list[Multiplicity] = []
    placeholders: Placeholders = Placeholders()
    class_aliases: dict[str, AssetClass] = {}
    location_aliases: dict[str, str] = {}
    manufacturer_aliases: dict[str, str] = {}
    places: list[str] = []
    thresholds: dict[str, Threshold] = {}
    roi: Roi = Roi()
    notify: Notify = Notify()
    retention: Retention = Retention()
    roles: dict[str, Role] = {}

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are named {twice[0]!r}; give each its own name")
        return self

    @model_validator(mode="after")
    def _words_say_one_thing(self) -> Self:
        products = [(word, name) for name, product in self.products.items() for word in (name, *product.aliases)]
        for table, words in (
            ("class_aliases", self.class_aliases.items()),
            ("location_aliases", self.location_aliases.items()),
            ("manufacturer_aliases", self.manufacturer_aliases.items()),
            ("products", products),
        ):
            said: dict[str, str] = {}
            for word, meaning in words:
                if (other := said.setdefault(_alike(word), meaning)) != meaning:
                    raise ValueError(f"{table}: {word!r} stands for both {other!r} and {meaning!r}; leave one of them")
        for name, product in self.products.items():
            if _alike(name) in map(_alike, product.includes):
                raise ValueError(f"products.{name}: it includes itself; leave that out")
        return self

    @model_validator(mode="after")
    def _folders_are_apart(self) -> Self:
        folders = [normpath(folder) for folder in self.paths.model_dump().values()]
        twice = next((folder for folder in folders if folder == "." or folders.count(folder) > 1), None)
        if twice:
            raise ValueError(f"paths: {twice!r} cannot be one of the folders; give each its own below the workspace")
        return self

    @model_validator(mode="after")
    def _classes_covered_are_known(self) -> Self:
        for source in self.sources:
            for name in source.covers if source.feed == "endpoints" else ():
                if canonical(name) not in self.class_words:
                    raise ValueError(
                        f"sources {source.name!r}: covers names {name!r}, which is neither an asset class nor an alias "
                        f"of one; the classes are {', '.join(ASSET_CLASSES)}"
                    )
        return self

    @property
    def class_words(self) -> dict[str, str]:
        """What names an asset class here, in the form that `canonical` gives: the workspace's aliases first."""
        return CLASS_WORDS | {canonical(alias): name for alias, name in self.class_aliases.items()}

    def limit(self, rules: Sequence[str], name: str, default: Any) -> Any:
        """A limit of the catalogue as the first of some rules' tables states it, else `[policy]`, else the default."""
        tables = (self.rules[slug].params for slug in rules if slug in self.rules)
        stated = (table[name] for table in tables if name in table)
        return next(stated, (self.policy.model_extra or {}).get(name, default))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _alike(name: str) -> str:
    return " ".join(name.lower().split())
