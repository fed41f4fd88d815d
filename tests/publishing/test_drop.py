"""Each dropped file is published once, whole or not at all, and says beside it what became of it."""

import multiprocessing
import os
import time
from contextlib import contextmanager

import pytest

from inventory_assets.lake.files.storage import open_storage
from inventory_assets.messaging.envelopes import encode_protobuf
from inventory_assets.messaging.errors import MessagingError, PublishError
from inventory_assets.publishing import drop
from inventory_assets.publishing.drop import take_dropped
from inventory_assets.publishing.ledger import DropBusyError, Ledger, Verdict
from inventory_assets.settings import Settings
from tests.messaging.memory import InMemoryBroker

HEAD = "sku,warehouse_id,quantity,timestamp\n"
ROW = "S{},W1,5,2025-03-01T08:00:00Z\n"
BAD = "S9,W1,half,2025-03-01T08:00:00Z\n"
# Without it the topic's schema is asked for, and there is no broker to ask.
AS_DOCUMENTS = '[publish]\nas = "r0"\n'


class Folder:
    """A drop folder, its home, and a broker that counts."""

    def __init__(self, settings, storage) -> None:
        self.settings, self.storage, self.broker = settings, storage, InMemoryBroker()
        self.put("drop.toml", AS_DOCUMENTS)

    def put(self, name: str, text: str | bytes) -> None:
        self.storage.write(name, text.encode() if isinstance(text, str) else text)

    def look(self, *, at_once: bool = True, settings=None):
        @contextmanager
        def publisher():
            yield self.broker

        return take_dropped(settings or self.settings, self.storage, publisher, at_once=at_once)

    def verdicts(self) -> dict[str, str]:
        return {each.name: str(each.verdict) for each in self.look().taken}

    def report(self, name: str) -> str:
        return (self.storage.read(f"{name}.report.txt") or b"").decode()

    @property
    def sent(self) -> int:
        return len(self.broker.published)


@pytest.fixture(params=["directory", "bucket"])
def folder(request, tmp_path, home):
    uri = str(tmp_path / "drop it")
    if request.param == "bucket":
        request.getfixturevalue("shop_bucket")
        uri = "gs://shop/suppliers"
    return Folder(Settings(home=home), open_storage(uri))


@pytest.fixture
def local(tmp_path, home):
    return Folder(Settings(home=home), open_storage(str(tmp_path / "drop")))


def rows(count: int, first: int = 0) -> str:
    return HEAD + "".join(ROW.format(number) for number in range(first, first + count))


def test_a_file_is_published_once_and_a_restart_changes_nothing(folder):
    folder.put("acme/march.csv", rows(3))

    assert {"acme/march.csv": "published"} == folder.verdicts()
    assert {} == folder.verdicts()
    assert 3 == folder.sent
    report = folder.report("acme/march.csv")
    assert "acme/march.csv: published" in report and "3 messages published." in report
    assert "3 to inventory-topic as r0" in report and "mapping  drop.toml" in report


def test_the_same_bytes_under_another_name_are_not_published(folder):
    folder.put("a.csv", rows(2))
    folder.look()
    folder.put("b.csv", rows(2))

    assert {"b.csv": "known"} == folder.verdicts()
    assert 2 == folder.sent
    assert "Nothing was published: a.csv of 20" in folder.report("b.csv")


def test_a_bad_file_is_refused_once_and_taken_when_it_is_replaced(folder):
    folder.put("a.csv", rows(2) + BAD)
    first, second = folder.verdicts(), folder.verdicts()
    report = folder.report("a.csv")
    folder.put("a.csv", rows(2) + ROW.format(9))

    assert ({"a.csv": "refused"}, {}, {"a.csv": "published"}) == (first, second, folder.verdicts())
    assert 3 == folder.sent
    assert "Nothing was published: rows of it are wrong: 1 of 3." in report
    assert "line 4: invalid_value" in report and "as it is, it is not tried again" in report
    assert "a.csv: published" in folder.report("a.csv")


def test_a_file_that_grew_is_refused_where_its_rows_would_count_twice(folder):
    """A system that appends, or an upload that stood still at the end of a line."""
    folder.put("a.csv", rows(2))
    first = folder.verdicts()
    folder.put("a.csv", rows(3))

    assert ({"a.csv": "published"}, {"a.csv": "refused"}) == (first, folder.verdicts())
    assert 2 == folder.sent
    assert "bytes were published on" in folder.report("a.csv") and "a file of their own" in folder.report("a.csv")
    folder.put("b.csv", ROW.join([HEAD, ""]).format(2))
    assert {"b.csv": "published"} == folder.verdicts()


@pytest.mark.parametrize(
    "head", ["sku,warehouse_id,stock,timestamp\n", "transaction_id,sku,warehouse_id,quantity,timestamp\n"]
)
def test_a_file_that_grew_is_taken_where_its_rows_are_known_by_more_than_their_line(folder, head):
    """A level by its time, a movement by its own id: what is there already is a duplicate."""
    own = "T1," if head.startswith("transaction_id") else ""
    content = head + own + ROW.format(1)
    folder.put("a.csv", content)
    first = folder.verdicts()
    folder.put("a.csv", content + own.replace("1", "2") + ROW.format(2))

    assert ({"a.csv": "published"}, {"a.csv": "published"}) == (first, folder.verdicts())


def test_another_file_of_the_name_is_taken(folder):
    """Who writes one name anew each day."""
    folder.put("a.csv", rows(2))
    folder.verdicts()
    folder.put("a.csv", rows(3, 5))

    assert {"a.csv": "published"} == folder.verdicts()


def test_a_mended_mapping_has_a_refused_file_tried_again_and_no_published_one(folder):
    folder.put("a.csv", "item;units\nS1;5\n")
    folder.put("ready.csv", rows(1))
    first = folder.verdicts()
    folder.put("drop.toml", AS_DOCUMENTS + 'time = 2025-03-01T08:00:00Z\n[constants]\nwarehouse_id = "W1"\n')
    second = folder.verdicts()
    folder.put("a.csv.toml", folder.storage.read("drop.toml") + b'[columns]\nsku = "item"\nquantity = "units"\n')

    assert {"a.csv": "refused", "ready.csv": "published"} == first
    assert {"a.csv": "refused"} == second
    assert {"a.csv": "published"} == folder.verdicts()
    assert 2 == folder.sent
    assert "mapping  a.csv.toml" in folder.report("a.csv")


@pytest.mark.parametrize(
    ("name", "content", "mapping", "said"),
    [
        ("a.xlsx", b"PK\x03\x04", AS_DOCUMENTS, "its name says no format; expected .csv"),
        ("a.csv", b"", AS_DOCUMENTS, "a.csv was empty"),
        ("a.csv", b"\xff\xfe\x00", AS_DOCUMENTS, "a.csv"),
        ("a.csv", rows(1).encode(), "[publish]\ntopik = 1\n", "drop.toml: 'topik' is no word of [publish]"),
        ("a.csv", rows(1).encode(), '[publish]\ntopic = "alerts-topic"\n', "topic was 'alerts-topic', expected one of"),
        ("a.csv", rows(1).encode(), '[publish]\ntime = "noon"\n', "expected an RFC 3339 time"),
        ("a.csv", rows(1).encode(), "[publish\n", "drop.toml: it was no TOML"),
        ("a.jsonl", b'{"x": 1}\n', AS_DOCUMENTS.replace("as", "#"), "line 1: unknown_kind"),
    ],
)
def test_what_cannot_be_read_is_refused_and_says_why(local, name, content, mapping, said):
    local.put("drop.toml", mapping)
    local.put(name, content)

    assert {name: "refused"} == local.verdicts()
    assert said in local.report(name)
    assert ({}, 0) == (local.verdicts(), local.sent)


def test_a_folder_may_ask_for_the_good_rows_alone(local):
    local.put("drop.toml", AS_DOCUMENTS + "skip_bad = true\n")
    local.put("a.csv", rows(2) + BAD)

    assert {"a.csv": "published"} == local.verdicts()
    assert 2 == local.sent
    assert "2 messages published, 1 wrong row left out." in local.report("a.csv")
    assert "Left out:\n  line 4" in local.report("a.csv")


def test_lines_go_out_as_they_stand_where_nobody_says_what_they_are(local):
    line = b'{"item_id": "S1", "adjustment": 5, "timestamp": "2025-03-01T08:00:00Z", "warehouse_id": "W1"}'
    local.put("drop.toml", "[publish]\n")
    local.put("a.jsonl", line + b"\n\n" + line + b"\n")

    assert {"a.jsonl": "published"} == local.verdicts()
    assert [("inventory-topic", line, {})] * 2 == [
        (each.topic, each.data, each.attributes) for each in local.broker.published
    ]


def test_where_something_is_said_of_its_rows_each_line_is_one(local):
    local.put("drop.toml", AS_DOCUMENTS + '[constants]\nwarehouse_id = "W1"\n')
    local.put("a.jsonl", b'{"item_id": "S1", "qty": 5, "time": "2025-03-01T08:00:00Z"}\n')

    assert {"a.jsonl": "published"} == local.verdicts()
    assert ["row_id"] == [*local.broker.published[0].attributes]


def test_messages_of_the_schema_are_published_from_a_folder_too(local):
    event = encode_protobuf(
        {"item_id": "S1", "adjustment": 5, "timestamp": "2025-03-01T08:00:00Z", "warehouse_id": "W1", "event_id": "e"}
    )
    local.put("drop.toml", AS_DOCUMENTS.replace("r0", "adjustment") + 'format = "protobuf"\n')
    local.put("a.pb", bytes([len(event)]) + event)

    assert {"a.pb": "published"} == local.verdicts()
    assert 1 == local.sent


def test_a_file_that_was_just_written_waits(local):
    local.put("a.csv", rows(1))

    found = local.look(at_once=False)

    assert (("a.csv",), (), 0) == (found.waiting, found.taken, local.sent)


def test_half_a_line_at_the_end_makes_a_file_wait_longer(local, monkeypatch):
    """Whoever writes has stopped for a moment: half a file has other ids than the whole one."""
    monkeypatch.setattr(drop, "SETTLE_US", 0)
    local.put("half.csv", rows(1)[:-5])
    local.put("whole.csv", rows(1, 1))

    found = local.look(at_once=False)

    assert (("half.csv",), ["whole.csv"]) == (found.waiting, [each.name for each in found.taken])


class Broken(InMemoryBroker):
    """Confirms so many messages, then fails as it is told."""

    def __init__(self, lasts: int, failure: BaseException | None = None) -> None:
        super().__init__()
        self._lasts, self._failure = lasts, failure

    def publish(self, messages):
        kept = messages[: max(0, self._lasts - len(self.published))]
        ids = super().publish(kept)
        if len(kept) == len(messages):
            return ids
        if self._failure is not None:
            raise self._failure
        lost = range(len(kept), len(messages))
        raise PublishError(target="t", failures=dict.fromkeys(lost, "broken"), message_ids=[*ids, *[None] * len(lost)])


def test_a_broker_that_breaks_refuses_nothing_and_the_next_look_goes_on(local):
    local.put("a.csv", rows(9))
    local.broker = Broken(4)
    for _ in range(7):  # more often than a file is tried that ends without a word
        with pytest.raises(MessagingError):
            local.look()
    first, local.broker = local.broker, InMemoryBroker()

    assert {"a.csv": "published"} == local.verdicts()
    assert (4, 5) == (len(first.published), local.sent)


def test_what_the_broker_never_takes_is_refused_and_keeps_no_other_waiting(local):
    class Strict(InMemoryBroker):
        def publish(self, messages):
            if any(b"S0" in message.data for message in messages):
                why = dict.fromkeys(range(len(messages)), "INVALID_ARGUMENT: of another schema")
                raise PublishError(target="t", failures=why, message_ids=[None] * len(messages))
            return super().publish(messages)

    local.broker = Strict()
    local.put("a.csv", rows(2))
    local.put("b.csv", rows(2, 5))

    assert {"a.csv": "refused", "b.csv": "published"} == local.verdicts()
    assert "of another schema" in local.report("a.csv")


@pytest.mark.parametrize("topic", ["control-topic", "thresholds-topic"])
def test_neither_commands_nor_rules_come_from_a_folder(local, topic):
    """Who may hand files in may not silence alerts."""
    local.put("a.jsonl", f'{{"topic": "{topic}", "data": "{{}}"}}\n')
    local.put("a.jsonl.toml", '[publish]\nformat = "messages"\n')
    local.put("b.json", "{}\n")
    local.put("b.json.toml", f'[publish]\ntopic = "{topic}"\n')

    assert {"a.jsonl": "refused", "b.json": "refused"} == local.verdicts()
    assert all(f"topic was '{topic}'" in local.report(name) for name in ("a.jsonl", "b.json"))


def test_a_look_that_is_broken_off_counts_as_none(local):
    local.put("a.csv", rows(2))
    local.broker = Broken(0, KeyboardInterrupt())
    for _ in range(7):
        with pytest.raises(KeyboardInterrupt):
            local.look()
    local.broker = InMemoryBroker()

    assert {"a.csv": "published"} == local.verdicts()


def test_a_file_that_takes_the_process_with_it_is_given_up(local):
    """Tries that ended without a word, as by kill -9; whoever puts it anew has it tried anew."""
    local.put("a.csv", rows(2))
    sha256 = local.storage.sha256("a.csv")
    for _ in range(drop.MAX_TRIES):
        Ledger(local.settings.home, local.storage.uri).begin(sha256)

    assert {"a.csv": "refused"} == local.verdicts()
    assert "5 tries ended without a word" in local.report("a.csv")
    local.put("a.csv", rows(2))
    assert {"a.csv": "published"} == local.verdicts()


def test_a_fault_of_ours_refuses_that_file_and_no_other(local):
    local.put("a.csv", rows(1))
    local.put("b.csv", rows(1, 1))
    local.broker = Broken(0, ZeroDivisionError("a fault"))
    found = local.look()

    assert [Verdict.REFUSED] * 2 == [each.verdict for each in found.taken]
    assert "an error of the product's: ZeroDivisionError: a fault" in local.report("a.csv")


def test_a_report_is_owed_until_it_can_be_written(local, tmp_path):
    local.put("a.csv", rows(1))
    (tmp_path / "drop" / "a.csv.report.txt").mkdir()  # root may write into any folder
    found = local.look()
    owed = found.unreported
    (tmp_path / "drop" / "a.csv.report.txt").rmdir()

    assert ("published", True) == (str(found.taken[0].verdict), "a.csv.report.txt" in owed)
    assert "" == local.look().unreported
    assert "1 message published." in local.report("a.csv")


@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_name_as_long_as_a_file_system_takes_has_a_report_of_its_own(local, letter):
    names = [f"acme/{letter * (250 // len(letter.encode()))}{number}.csv" for number in (1, 2)]
    for number, name in enumerate(names):
        local.put(name, rows(1, number))

    assert dict.fromkeys(names, "published") == local.verdicts()
    assert {} == local.verdicts()
    reports = [name for name in local.storage.sizes() if name.endswith(".report.txt")]
    assert {f"{name}: published" for name in names} == {
        (local.storage.read(name) or b"").decode().partition(",")[0] for name in reports
    }
    assert all(len(name.rpartition("/")[2].encode()) <= 255 for name in reports)


def test_two_at_once_take_turns(local):
    local.put("a.csv", rows(1))
    with Ledger(local.settings.home, local.storage.uri).turn(), pytest.raises(DropBusyError):
        local.look()

    assert {"a.csv": "published"} == local.verdicts()


def test_odd_names_and_huge_files_stop_nobody(local, tmp_path):
    (tmp_path / "drop" / "\udcff\n.csv").write_text(rows(1))
    with open(tmp_path / "drop" / "huge.csv", "wb") as sink:
        os.truncate(sink.fileno(), drop.MAX_BYTES + 1)
    local.put("a.csv", rows(1))

    found = local.look()

    assert [("a.csv", "published"), ("huge.csv", "refused")] == [(each.name, each.verdict) for each in found.taken]
    assert (1, 1) == (found.odd, local.sent)


def test_what_was_published_for_one_project_is_new_to_another(local):
    local.put("a.csv", rows(1))
    local.look()
    local.put("b.csv", rows(1))
    other = Settings(home=local.settings.home, project="other")

    assert [Verdict.PUBLISHED] == [each.verdict for each in local.look(settings=other).taken]


def _take_slowly(home, uri, begun):
    folder = Folder(Settings(home=home), open_storage(uri))

    class Slow(InMemoryBroker):
        def publish(self, messages):
            begun.set()
            time.sleep(60)
            return []

    folder.broker = Slow()
    folder.look()


@pytest.mark.big
def test_a_killed_process_frees_its_turn_and_the_file_is_published(local):
    local.put("a.csv", rows(3))
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=_take_slowly, args=(local.settings.home, local.storage.uri, begun))
    process.start()
    assert begun.wait(120)
    with pytest.raises(DropBusyError):
        local.look()
    process.kill()
    process.join()

    assert {"a.csv": "published"} == local.verdicts()
    assert 3 == local.sent
