"""Settings of the product, read once from the environment; nothing else reads it.

Own names are `INVENTORY_*`; `GOOGLE_CLOUD_PROJECT` and `PUBSUB_EMULATOR_HOST`
mean what they mean everywhere.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from inventory_assets.addresses import is_loopback, read_broker
from inventory_assets.errors import InventoryError
from inventory_assets.ranges import FIRST_DAY, LAST_DAY, MAX_DAYS, MAX_QUANTITY

DEFAULT_HOME = Path(".inventory")
DEFAULT_PROJECT = "inventory-local"
DEFAULT_EMULATOR_PORT = 8085


Minutes = tuple[tuple[str, int], ...]
"""Minutes by alert priority; what is absent is off."""

MAX_HOURS = 24 * 366
MAX_ID_BYTES = 256  # RULES 4
_PRIORITIES = ("CRITICAL", "HIGH", "MEDIUM")
_DIGITS = re.compile(r"[0-9]{1,18}")
_MEMORY = re.compile(r"(?P<number>[0-9]{1,12}(\.[0-9]{1,6})?) ?((?P<unit>[KMGT])(?P<binary>i)?)?B", re.IGNORECASE)
_UNITS = {"m": 1, "h": 60, "d": 1440}


class SettingsError(InventoryError, ValueError):
    """A setting's value cannot be used. Says which, what was there and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; the defaults are the embedded, local product.

    Attributes:
        home: All that the embedded default writes is below it.
        catalog: DuckLake catalog: `sqlite:PATH` or `postgres:DSN`.
        data_path: Where Parquet files go: a directory or `gs://bucket/prefix`.
        marts: Directory of the marts that dbt builds, catalog and data.
        snapshots_path: Where snapshot files go: a directory or `gs://bucket/prefix`.
        reports_path: Where reports go: a directory or `gs://bucket/prefix`.
        archive_path: Where `inventory archive` copies old days to: a directory or `gs://bucket/prefix`.
        drop_folder: Where people put files to be published: a directory or `gs://bucket/prefix`.
        discontinued_after: Without stock and events for so long, a product counts as discontinued.
        gcs_key_id, gcs_secret: An HMAC key of a service account that may write the bucket.
        gcs_endpoint: Another host that speaks the same, as `http://host:port`.
        project: Google Cloud project of topics and subscriptions.
        is_project_named: GOOGLE_CLOUD_PROJECT is set: without an emulator named, the real service is meant.
        start_date: Older event times are dead letters (RULES 6).
        partitions_start_date: First daily partition that Dagster shows.
        default_warehouse: Where an adjustment is that names no warehouse (RULES 41); None refuses it.
        max_messages, max_bytes: Bounds of a burst.
        tick_seconds: How long a sensor tick waits beside the burst loop before it says what that took in.
        lease_seconds: How long the burst loop goes on after a tick.
        status_seconds: How often the burst loop tells on `status-topic` how it fares; 0 is never.
        landing_seconds: How often a burst loop's versions land in the lake, for readers.
        journal_limit, journal_seconds: Pulling stops where so much, or anything so old, has not landed.
        snapshot_retention: How long DuckLake snapshots are kept, see `kept_snapshots`; our versions outlive them.
        cached_entities: How many known events stay in memory.
        default_min, default_reorder: The system default thresholds, in units (RULES 21).
        plan_review_days, plan_service_level, plan_least_transfer, plan_yearly_season: How plans are made
            (RULES 42, 43).
        escalate_after, repeat_every, expire_after: What time does to a firing alert, by priority.
        inhibit_silent_after: Hold a warehouse's alerts when its numbers are so old; None is off.
        sql_memory_limit, sql_spill_limit, sql_seconds: Bounds of one `inventory sql`; 0 seconds is no end.
        alerting: The alerting policy; without one `<home>/alerting.toml` where it exists.
        push_audience, push_accounts: What tokens of pushed requests are for, and of whom; empty lets nobody in.
        push_issuer, push_keys: Who signs them, and a URL or a file of its public keys.
        push_topic: The input topic that pushed adjustments are published to.
        push_path: Where pushed alerts are recorded: a directory or `gs://bucket/prefix`.
        audit_rows: How many writes by tokens are kept in the audit.
        trusted_proxies: Whose word counts for who asks (`X-Forwarded-For`) and how (`X-Forwarded-Proto`).
        streams, streams_per_token: How many streams of changes a process of the stock service has at once.
    """

    home: Path = DEFAULT_HOME
    # It may hold a password.
    catalog: str = field(default="", repr=False)
    data_path: str = ""
    snapshots_path: str = ""
    marts: Path | None = None
    reports_path: str = ""
    archive_path: str = ""
    drop_folder: str = ""
    discontinued_after: timedelta = timedelta(days=365)
    gcs_key_id: str = field(default="", repr=False)
    gcs_secret: str = field(default="", repr=False)
    gcs_endpoint: str = ""
    project: str = DEFAULT_PROJECT
    is_project_named: bool = False
    emulator_host: str | None = None
    start_date: date = date(2010, 1, 1)
    partitions_start_date: date = date(2026, 1, 1)
    max_ahead: timedelta = timedelta(hours=24)
    unstated_grace: timedelta = timedelta(hours=24)
    default_warehouse: str | None = None
    max_messages: int = 2_000
    max_bytes: int = 32_000_000
    tick_seconds: float = 0.0
    # Ticks come every 15 s: one of them may be late.
    lease_seconds: float = 30.0
    status_seconds: float = 60.0
    landing_seconds: float = 1.0
    # What has not landed is also what memory may not let go of.
    journal_limit: str = "256MB"
    journal_seconds: float = 60.0
    snapshot_retention: timedelta | None = None
    # Most of a minute at 1,000 events/s, and every open transaction besides; looking an older one up is cheap.
    cached_entities: int = 50_000
    default_min: int = 0
    default_reorder: int = 0
    plan_review_days: int = 7
    plan_service_level: float = 0.95
    plan_least_transfer: int = 3
    plan_yearly_season: bool = True
    duckdb_memory_limit: str = "256MB"
    # A question of a person: it may sort millions of rows, and not take the machine from the bursts.
    sql_memory_limit: str = "512MB"
    sql_spill_limit: str = "5GB"
    sql_seconds: float = 600.0
    # Off: each of them tells or closes alerts that the rules alone would not (docs/alerts.md).
    escalate_after: Minutes = ()
    repeat_every: Minutes = ()
    expire_after: Minutes = ()
    # Off: what is held might be a real stockout (docs/alerts.md).
    inhibit_silent_after: timedelta | None = None
    alerting: Path | None = None
    push_audience: tuple[str, ...] = ()
    push_accounts: tuple[str, ...] = ()
    push_issuer: str = "https://accounts.google.com"
    push_keys: str = "https://www.googleapis.com/oauth2/v3/certs"
    push_topic: str = "inventory-topic"
    push_path: str = ""
    # Some 200 MB, and a hundred thousand writes a day for ten days.
    audit_rows: int = 1_000_000
    # None: else whoever is on this machine could be anybody.
    trusted_proxies: tuple[str, ...] = ()
    # Of one process: 16 kB each, and a file descriptor.
    streams: int = 10_000
    streams_per_token: int = 1_000
    # One: a burst's statements are too small to share, and a second thread cost 40 % more CPU.
    duckdb_threads: int = 1

    @property
    def journal_bytes(self) -> int:
        """`journal_limit` in bytes."""
        found = _MEMORY.fullmatch(self.journal_limit)
        assert found is not None, self.journal_limit
        unit, is_binary = (found["unit"] or " ").upper(), bool(found["binary"])
        return int(float(found["number"]) * (1024 if is_binary else 1000) ** " KMGT".index(unit))

    @property
    def catalog_uri(self) -> str:
        """What DuckLake attaches, after `ducklake:`."""
        return self.catalog or f"sqlite:{self.home / 'lake' / 'catalog.sqlite'}"

    @property
    def is_embedded(self) -> bool:
        """Whether the catalog is a file of ours, with one machine's writers."""
        return self.catalog_uri.startswith("sqlite:")

    @property
    def kept_snapshots(self) -> timedelta:
        """How long DuckLake snapshots are kept at least; readers that take longer hold theirs (`lake.upkeep.expiry`).

        Longer on a server, where a reader on another host cannot be seen.
        """
        default = timedelta(minutes=1) if self.is_embedded else timedelta(minutes=15)
        return default if self.snapshot_retention is None else self.snapshot_retention

    @property
    def data_uri(self) -> str:
        """Where the lake's Parquet files are."""
        return self.data_path or str(self.home / "lake" / "data")

    @property
    def marts_path(self) -> Path:
        """Directory of the marts: a catalog of their own, so that a long build never blocks a burst."""
        return self.marts or self.home / "marts"

    @property
    def snapshots_uri(self) -> str:
        """Where the snapshot tables' files are."""
        return self.snapshots_path or str(self.home / "snapshots")

    @property
    def reports_uri(self) -> str:
        """Where the reports are."""
        return self.reports_path or str(self.home / "reports")

    @property
    def archive_uri(self) -> str:
        """Where the archive is."""
        return self.archive_path or str(self.home / "archive")

    @property
    def drop_uri(self) -> str:
        """Where people put files to be published; nobody makes that folder for them."""
        return self.drop_folder or str(self.home / "drop")

    @property
    def alerting_path(self) -> Path | None:
        """The alerting policy's file; None is alerts on Pub/Sub only."""
        default = self.home / "alerting.toml"
        return self.alerting or (default if default.exists() else None)

    @property
    def pushed_uri(self) -> str:
        """Where pushed alerts are recorded."""
        return self.push_path or str(self.home / "pushed")

    @property
    def lock_path(self) -> Path:
        """The writer lock of the embedded lake."""
        return self.home / "lake" / "writer.lock"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read settings from environment variables.

    Raises:
        SettingsError: A value could not be read.
    """
    env = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for name, convert in _READERS.items():
        text = env.get(f"INVENTORY_{name.upper()}")
        if text:
            try:
                values[name] = convert(text)
            except ValueError as error:
                # A secret, or what may have one in it, is not shown.
                was = "could not be read" if name in _HIDDEN else f"was {text!r}"
                raise SettingsError(f"INVENTORY_{name.upper()} {was}: {error}") from error
    # Absolute, because Dagster's processes do not all start in one directory.
    values["home"] = Path(str(values.get("home", DEFAULT_HOME))).expanduser().resolve()
    if project := env.get("GOOGLE_CLOUD_PROJECT"):
        values["project"] = project
        values["is_project_named"] = True
    if host := env.get("PUBSUB_EMULATOR_HOST"):
        try:
            values["emulator_host"] = read_broker(host)
        except ValueError as error:
            raise SettingsError(f"PUBSUB_EMULATOR_HOST was {host!r}: {error}") from error
    return Settings(**values)  # type: ignore[arg-type]


def emulator_host(settings: Settings) -> str | None:
    """Where the broker is; None is Google's own service.

    PUBSUB_EMULATOR_HOST names an emulator; otherwise a project or credentials in
    the environment mean the real service; otherwise it is the local emulator.
    """
    if settings.emulator_host:
        return settings.emulator_host
    if settings.is_project_named or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return None
    # `inventory run` writes down where its emulator is, as the usual port may be taken.
    endpoint = endpoint_path(settings)
    return endpoint.read_text().strip() if endpoint.exists() else f"localhost:{DEFAULT_EMULATOR_PORT}"


def endpoint_path(settings: Settings) -> Path:
    """Where the address of a running local emulator is kept."""
    return settings.home / "emulator.endpoint"


def archive_place(settings: Settings, given: str | None = None) -> str:
    """Where the archive is: as given, else by the settings."""
    where = (given or settings.archive_uri).rstrip("/")
    return where if "://" in where else str(Path(where).expanduser().resolve())


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # `int` would take 1_000 and digits of any script; 19 of them are beyond every bound here.
        if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least:,} to {most:,}")
        return int(text)

    return read


def _number(what: str, least: float, most: float, note: str = "") -> Callable[[str], float]:
    def read(text: str) -> float:
        # Neither nan nor inf is within any range; what is no number is told the same.
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise ValueError(f"expected {what} from {least:,} to {most:,}{note}")
        return number

    return read


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("expected on or off")
    return text == "on"


def _hours(text: str) -> timedelta:
    return timedelta(hours=_number("hours", 0, MAX_HOURS)(text))


def _day(text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        day = date.min
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"expected a day from {FIRST_DAY} to {LAST_DAY}, such as 2026-01-31")
    return day


def _id(text: str) -> str:
    if text != text.strip() or not text.isprintable() or len(text.encode()) > MAX_ID_BYTES:
        raise ValueError(
            f"expected an id of 1 to {MAX_ID_BYTES} bytes, without control characters or outer white space"
        )
    return text


def _memory(text: str) -> str:
    # DuckDB would say so too, but not which setting it was.
    if not _MEMORY.fullmatch(text):
        raise ValueError("expected an amount of memory, such as 512MB or 2GB")
    return text


def _catalog(text: str) -> str:
    # DuckLake would take anything else for the name of a DuckDB file, which one process locks for all others.
    if not text.startswith(("sqlite:", "postgres:")):
        raise ValueError("expected sqlite:PATH or postgres:CONNECTION, such as postgres:dbname=lake host=db.internal")
    return text


def _place(text: str) -> str:
    # Absolute, because Dagster's processes do not all start in one directory.
    if "://" not in text:
        return str(Path(text).expanduser().resolve())
    if not text.startswith("gs://"):
        raise ValueError("expected a directory or gs://bucket/prefix")
    return text.rstrip("/")


def _words(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    if not all(part and part.isprintable() and " " not in part for part in found):
        raise ValueError("expected values with commas between, none of them empty or with a blank")
    return found


def _accounts(text: str) -> tuple[str, ...]:
    if not all("@" in each for each in _words(text)):
        raise ValueError("expected emails of service accounts, with commas between")
    return _words(text)


def _networks(text: str) -> tuple[str, ...]:
    for each in (found := _words(text)):
        try:
            ip_network(each)
        except ValueError:
            raise ValueError(
                "expected addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, with commas between"
            ) from None
    return found


def _keys(text: str) -> str:
    if "://" not in text:
        return str(Path(text).expanduser().resolve())
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    # Keys that came over an open line are whoever's stood on it.
    if not is_safe or not parts.hostname or parts.username is not None:
        raise ValueError("expected a file, https://…, or http:// to this machine, without a password in it")
    return text


def _minutes(text: str) -> Minutes:
    found: dict[str, int] = {}
    for part in text.split(","):
        priority, _, duration = part.strip().partition("=")
        number, unit = duration[:-1], duration[-1:]
        if priority not in _PRIORITIES or unit not in _UNITS or not _DIGITS.fullmatch(number):
            raise ValueError("expected priorities with a duration, such as CRITICAL=30m,HIGH=4h,MEDIUM=2d")
        found[priority] = int(number) * _UNITS[unit]
        if not 1 <= found[priority] <= MAX_HOURS * 60:
            raise ValueError(f"{priority} was {duration}, expected 1 minute to {MAX_HOURS // 24} days")
    return tuple(found.items())


_HIDDEN = {each.name for each in fields(Settings) if not each.repr}
_READERS: dict[str, Callable[[str], object]] = {
    "home": Path,
    "catalog": _catalog,
    "data_path": str,
    "snapshots_path": _place,
    "marts": lambda text: Path(text).expanduser().resolve(),
    "reports_path": _place,
    "archive_path": _place,
    "drop_folder": _place,
    "discontinued_after": lambda text: timedelta(days=_whole(1, MAX_DAYS)(text)),
    "gcs_key_id": str,
    "gcs_secret": str,
    "gcs_endpoint": str,
    "start_date": _day,
    "partitions_start_date": _day,
    "max_ahead": _hours,
    "unstated_grace": _hours,
    "default_warehouse": _id,
    "max_messages": _whole(1, 100_000),
    "max_bytes": _whole(1, 10**9),
    "tick_seconds": _number("seconds", 0, 3_600),
    # Dagster looks every 5 s whether a tick is due: a shorter lease would be over before the next one.
    "lease_seconds": _number("seconds", 5, 3_600),
    "status_seconds": _number("seconds", 0, 86_400, "; 0 is never"),
    "landing_seconds": _number("seconds", 0.05, 60),
    "journal_limit": _memory,
    "journal_seconds": _number("seconds", 1, 86_400),
    "snapshot_retention": _hours,
    "cached_entities": _whole(1, 10**9),
    "default_min": _whole(0, MAX_QUANTITY),
    "default_reorder": _whole(0, MAX_QUANTITY),
    "plan_review_days": _whole(1, MAX_DAYS),
    "plan_service_level": _number("a chance", 0.001, 0.9999),
    "plan_least_transfer": _whole(1, MAX_QUANTITY),
    "plan_yearly_season": _switch,
    "escalate_after": _minutes,
    "repeat_every": _minutes,
    "expire_after": _minutes,
    "inhibit_silent_after": lambda text: timedelta(minutes=_whole(1, MAX_HOURS * 60)(text)),
    "alerting": lambda text: Path(text).expanduser().resolve(),
    "push_audience": _words,
    "push_accounts": _accounts,
    "push_issuer": _id,
    "push_keys": _keys,
    "push_topic": _id,
    "push_path": _place,
    "audit_rows": _whole(1_000, 10**9),
    "trusted_proxies": _networks,
    "streams": _whole(1, 1_000_000),
    "streams_per_token": _whole(1, 1_000_000),
    "duckdb_memory_limit": _memory,
    "duckdb_threads": _whole(1, 1_024),
    "sql_memory_limit": _memory,
    "sql_spill_limit": _memory,
    "sql_seconds": _number("seconds", 0, 10**9, "; 0 is no limit"),
}
