"""Publish reports: files by period, `index.html` that lists them, `latest.html` that is the newest.

    nightly/2025-03-04/report.html, orders.csv, …, manifest.json
    weekly/2025-03-03/…                     (its Monday)
    index.html  latest.html  latest-weekly.html

Every file is there whole or not at all. The manifest is written after a report's
other files and says what they were computed from, so that what it names is there.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.storage import Storage
from inventory_assets.reports.page.html import render, render_page
from inventory_assets.reports.page.view import Page
from inventory_assets.reports.period import Kind, Period
from inventory_assets.reports.read.model import Basis, Earlier, Figures
from inventory_assets.words.times import full_moment

# More make an index that nobody scrolls, and a read each; the older ones stay where they are.
LISTED = {Kind.NIGHTLY: 60, Kind.WEEKLY: 26}
LATEST = {Kind.NIGHTLY: "latest.html", Kind.WEEKLY: "latest-weekly.html"}
PAGE_NAME = "report.html"
_MANIFEST = re.compile(r"(nightly|weekly)/(\d{4}-\d\d-\d\d)/manifest\.json")


class ReportError(LakeError):
    """A report cannot be written, or a published one not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A report ready to be written. `files`: CSV by name. `counts`: rows by section, for whoever logs."""

    basis: Basis
    page: Page
    figures: Figures
    files: Mapping[str, bytes]
    counts: Mapping[str, int]


class Manifest(msgspec.Struct, frozen=True):
    """What a published report was computed from, and its figures for the next one to compare with."""

    kind: str
    date: str
    title: str
    headline: str
    lake_version: int
    as_of: datetime
    code_version: str
    compared_with: str | None
    compared_version: int | None
    figures: dict[str, float | int | None]
    files: dict[str, str]

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"{self.kind}/{self.date}"


def folder_of(period: Period) -> str:
    """Where a period's files are."""
    return f"{period.kind}/{period.key}"


def list_manifests(storage: Storage, kind: Kind) -> list[Manifest]:
    """The published reports, the newest first, as many as an index lists."""
    read = (read_manifest(storage, f"{kind}/{key}") for key in _keys(storage, kind)[: -LISTED[kind] - 1 : -1])
    return [manifest for manifest in read if manifest is not None]


def _keys(storage: Storage, kind: Kind) -> list[str]:
    return sorted(found[2] for name in storage.sizes() if (found := _MANIFEST.fullmatch(name)) and found[1] == kind)


def read_manifest(storage: Storage, folder: str) -> Manifest | None:
    """A report's manifest; None where there is no such report.

    Raises:
        ReportError: It is there and cannot be read as one.
    """
    content = storage.read(f"{folder}/manifest.json")
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        place = f"{storage.uri}/{folder}/manifest.json"
        raise ReportError(
            f"{place} is no manifest of a report: {error}. Remove it and build the report again."
        ) from error


def find_earlier(storage: Storage, period: Period) -> Earlier | None:
    """The last report before a period's: what "since last time" means."""
    before = max((key for key in _keys(storage, period.kind) if key < period.key), default=None)
    manifest = None if before is None else read_manifest(storage, f"{period.kind}/{before}")
    if manifest is None:
        return None
    as_of = manifest.as_of.astimezone(UTC).replace(tzinfo=None)
    return Earlier(manifest.date, manifest.lake_version, as_of, manifest.figures)


def publish(storage: Storage, report: Rendered) -> Manifest:
    """Write a report's files, then the index and the newest page. Doing it again changes nothing.

    Raises:
        ReportError: They cannot be written there.
    """
    try:
        return _publish(storage, report)
    except OSError as error:
        raise ReportError(
            f"reports cannot be written to {storage.uri!r}: {error}. Make that place writable, or choose another with "
            "INVENTORY_REPORTS_PATH."
        ) from error


def _publish(storage: Storage, report: Rendered) -> Manifest:
    basis, folder = report.basis, folder_of(report.basis.period)
    earlier = basis.earlier
    links = {"All reports": "../../index.html"}
    latest_links = {"All reports": "index.html"}
    if earlier is not None:
        links["The one before"] = f"../{earlier.key}/{PAGE_NAME}"
        latest_links["The one before"] = f"{basis.period.kind}/{earlier.key}/{PAGE_NAME}"
    files = {**report.files, PAGE_NAME: render_page(report.page, links)}
    manifest = Manifest(
        kind=str(basis.period.kind), date=basis.period.key, title=report.page.title, headline=report.page.headline,
        lake_version=basis.version, as_of=basis.as_of.replace(tzinfo=UTC), code_version=basis.code_version,
        compared_with=None if earlier is None else earlier.key,
        compared_version=None if earlier is None else earlier.version, figures=dict(report.figures),
        files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    )  # fmt: skip
    for name, content in files.items():
        storage.write(f"{folder}/{name}", content)
    storage.write(f"{folder}/manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    listed = {kind: list_manifests(storage, kind) for kind in Kind}
    if listed[basis.period.kind][0].date == manifest.date:
        storage.write(LATEST[basis.period.kind], render_page(report.page, latest_links, base=f"{folder}/"))
    storage.write("index.html", _index(listed))
    return manifest


def _index(listed: Mapping[Kind, list[Manifest]]) -> bytes:
    latest = {f"The newest {kind} report": LATEST[kind] for kind in Kind if listed[kind]}
    groups = [("Nightly", listed[Kind.NIGHTLY]), ("Weekly", listed[Kind.WEEKLY])]
    return render(
        "index.html.j2", latest=latest, groups=[(title, [_entry(each) for each in found]) for title, found in groups]
    )


def _entry(manifest: Manifest) -> dict[str, Any]:
    return {
        "target": f"{manifest.folder}/{PAGE_NAME}", "title": manifest.title, "headline": manifest.headline,
        "as_of": full_moment(manifest.as_of), "version": f"{manifest.lake_version:,}",
    }  # fmt: skip
