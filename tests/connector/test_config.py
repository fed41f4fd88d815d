"""A configuration is read from a file and the environment, and everything wrong with it is said at once."""

from pathlib import Path

import pytest

from inventory_assets.connector.config import ConnectorConfig, load_config
from inventory_assets.connector.errors import ConfigurationError

LEAST = {"CONNECTOR_ID": "c1", "MONGODB_URI": "mongodb://db:27017/shop", "PUBSUB_PROJECT": "p"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "connector"


@pytest.fixture
def write(tmp_path: Path):
    """Write a configuration file."""

    def write_(text: str) -> Path:
        path = tmp_path / "connector.yaml"
        path.write_text(text)
        return path

    return write_


def problems(path: Path | None, **environ: str) -> list[str]:
    """The lines of the error, but for the first."""
    with pytest.raises(ConfigurationError) as error:
        load_config(path, environ)
    return str(error.value).split("\n  ")[1:]


def test_what_is_not_set_has_a_default():
    config = load_config(None, LEAST)

    assert (config.source, config.database, config.warehouse_id) == ("mongodb:shop", "shop", None)
    assert config.token_path == Path(".inventory/connector/c1.sqlite")
    # The copy's order: inventory last, so that what a level contains has an earlier position.
    assert list(config.collections) == ["thresholds", "transactions", "inventory"]
    assert (config.ordering, config.grace_seconds, config.max_outstanding_bytes) == (8, 10, 64_000_000)


def test_the_environment_overrides_the_file(write):
    path = write("CONNECTOR_ID: c1\nMONGODB_URI: mongodb://db/shop\nPUBSUB_PROJECT: p\nREAD_BATCH: 7\nLOG_SAMPLE: 8\n")

    config = load_config(path, {"READ_BATCH": "9", "LOG_SAMPLE": ""})

    assert (config.read_batch, config.log_sample) == (9, 8)


def test_every_problem_is_listed_at_once(write):
    """Between fields too: whoever mends a file does not want to start the service once per mistake."""
    path = write(
        "CONECTOR_ID: x\nWAREHOUSE_ID: 17\nMONGODB_URI: db/shop\nHEARTBEAT_SECONDS: -1\nIMAGES: all\n"
        "MASK_FIELDS: [transactions.quantity]\nHMAC_FIELDS: transactions.user_id\nBACKOFF_CAP_SECONDS: 0.1\n"
        "COLLECTIONS_TO_WATCH: stock\nTRANSFORMS: absent_module:f\nSCHEMA_DIR: /absent\n"
    )

    assert problems(path, BATCH_MESSAGES="5000") == [
        "CONECTOR_ID is no setting, did you mean CONNECTOR_ID?",
        "CONNECTOR_ID was missing, expected a name, such as connector-wh-east-1",
        "WAREHOUSE_ID was 17, expected a valid string (quote it in the file)",
        "MONGODB_URI was not usable, expected mongodb://USER:PASSWORD@HOST:27017/DATABASE or mongodb+srv://…",
        "IMAGES was 'all', expected 'auto', 'post_images', 'pre_images' or 'lookup'",
        "HEARTBEAT_SECONDS was -1, expected a number above 0, at most 86,400",
        "BATCH_MESSAGES was '5000' in the environment, expected a whole number from 1 to 1,000",
        "MASK_FIELDS was ['transactions.quantity'], 'transactions.quantity' is or holds what stock is computed from, "
        "expected a field that is not",
        "PUBSUB_PROJECT was missing, expected here, as GOOGLE_CLOUD_PROJECT or a PUBSUB_EMULATOR_HOST",
        "COLLECTIONS_TO_WATCH was stock, expected some of inventory, thresholds, transactions",
        "HMAC_KEY was missing, expected because HMAC_FIELDS is set: it or HMAC_KEY_FILE",
        "BACKOFF_CAP_SECONDS was 0.1, expected at least BACKOFF_FIRST_SECONDS, 0.5",
        "TRANSFORMS: 'absent_module:f' cannot be loaded: ModuleNotFoundError: No module named 'absent_module'",
        "/absent: no such directory",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "MONGODB_URI: mongodb://u:geheim@h/d: [\n",
        "MONGODB_URI: 'mongodb://u:geheim@h/d'\nMONGODB_URI: 'mongodb://u:geheim@h/e'\n",
        "MONGODB_URI: 'mongodb://u:ge/heim@h/d'\n",
        "MONGODB_URI: 'mongodb://u:geheim#x@h/d'\n",
        "MONGODB_URI: [geheim]\n",
        "MONGODB_URI_FILE: 'mongodb://u:geheim@h/d'\n",
        "HMAC_KEY: geheim\n",
        "MONGODB_URY: geheim\n",
        "- geheim\n",
    ],
)
def test_no_problem_shows_a_secret(write, text):
    """An operator pastes the error into a ticket."""
    with pytest.raises(ConfigurationError) as error:
        load_config(write(text), {})

    shown = f"{error.value!r} {error.value} {error.value.__cause__}"
    assert "heim" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("READ_BATCH: 1\nLOG_SAMPLE: 2\nREAD_BATCH: 3\n", "line 3: it is no YAML: READ_BATCH is there twice"),
        ("? [a, b]\n: 1\n", "line 1: it is no YAML: a name was no text"),
        ("READ_BATCH: [1\n", "line 2: it is no YAML"),
        ("READ_BATCH: \x00\n", "is no YAML: it holds characters"),
        ("READ_BATCH: 2026-13-45\n", "is no YAML: it holds a day"),
        ("READ_BATCH: " + "[" * 5_000, "is nested too deep"),
        ("", "held no names with values"),
        ("just text", "held no names with values"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(write, text, expected):
    with pytest.raises(ConfigurationError, match=expected):
        load_config(write(text), {})


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"absent.yaml cannot be read: No such file or directory"):
        load_config(tmp_path / "absent.yaml", {})


def test_a_configuration_does_not_show_its_secrets():
    environ = LEAST | {"MONGODB_URI": "mongodb://u:geheim@h/shop", "HMAC_KEY": "geheim geheim geheim"}

    config = load_config(None, environ)

    assert "geheim" not in f"{config!r} {config} {config.model_dump_json()} {config.source}"


def test_a_secret_may_be_in_a_file_of_its_own(tmp_path):
    """Secret Manager mounts them; an editor ends them with a line break."""
    (tmp_path / "uri").write_text("mongodb://u:p@h/shop\n")
    environ = {"CONNECTOR_ID": "c1", "PUBSUB_PROJECT": "p", "MONGODB_URI_FILE": str(tmp_path / "uri")}

    assert load_config(None, environ).mongodb_uri.get_secret_value() == "mongodb://u:p@h/shop"


def test_a_secret_file_of_the_environment_overrides_the_secret_of_the_file(write, tmp_path):
    (tmp_path / "uri").write_text("mongodb://outer/shop")
    path = write("CONNECTOR_ID: c1\nPUBSUB_PROJECT: p\nMONGODB_URI: mongodb://inner/shop\n")

    config = load_config(path, {"MONGODB_URI_FILE": str(tmp_path / "uri")})

    assert config.mongodb_uri.get_secret_value() == "mongodb://outer/shop"


def test_a_secret_in_two_places_is_a_problem():
    assert problems(None, **LEAST, MONGODB_URI_FILE="/x") == [
        "MONGODB_URI and MONGODB_URI_FILE were both there, expected one of them"
    ]


def test_a_secret_file_that_cannot_be_read_is_one_problem():
    environ = {"CONNECTOR_ID": "c1", "PUBSUB_PROJECT": "p", "MONGODB_URI_FILE": "/absent"}

    assert problems(None, **environ) == [
        "MONGODB_URI_FILE was '/absent', expected a readable file: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GOOGLE_CLOUD_PROJECT": "cloud"}, "cloud"),
        ({"PUBSUB_EMULATOR_HOST": "localhost:8085"}, "inventory-local"),
        ({"PUBSUB_PROJECT": "own", "GOOGLE_CLOUD_PROJECT": "cloud"}, "own"),
    ],
)
def test_the_project_is_named_or_comes_from_the_surroundings(environ, expected):
    least = {"CONNECTOR_ID": "c1", "MONGODB_URI": "mongodb://db/shop"}

    assert load_config(None, least | environ).pubsub_project == expected


def test_the_port_of_cloud_run_is_listened_on_whatever_the_file_says(write):
    path = write("CONNECTOR_ID: c1\nMONGODB_URI: mongodb://db/shop\nPUBSUB_PROJECT: p\nHEALTH_PORT: 8081\n")

    config = load_config(path, {"PORT": "9000"})

    assert (config.health_host, config.health_port) == ("0.0.0.0", 9000)


@pytest.mark.parametrize(("text", "expected"), [("lanes", 8), ("none", 0), ("0", 0), ("32", 32), ("sku", "sku")])
def test_ordering_is_lanes_keys_or_nothing(text, expected):
    assert load_config(None, LEAST | {"ORDERING": text}).ordering == expected


@pytest.mark.parametrize("watched", ["inventory,transactions", "stock, moves,"])
def test_collections_are_watched_by_role_or_by_real_name(watched):
    names = {"INVENTORY_COLLECTION": "stock", "TRANSACTIONS_COLLECTION": "moves", "COLLECTIONS_TO_WATCH": watched}

    assert load_config(None, LEAST | names).collections == {"moves": "transactions", "stock": "inventory"}


def test_the_token_collection_is_not_watched():
    """Each save would be a change of its own, which moves the token, which is saved."""
    environ = LEAST | {"RESUME_TOKEN_STORE": "mongodb", "RESUME_TOKEN_COLLECTION": "inventory"}

    assert problems(None, **environ) == [
        "RESUME_TOKEN_COLLECTION was 'inventory', expected a collection that is not watched"
    ]


@pytest.mark.parametrize(("name", "warehouse_id"), [("wh-east-1", "WH-EAST-1"), ("wh-west-1", "WH-WEST-1")])
def test_the_examples_can_be_used(name, warehouse_id):
    config = load_config(EXAMPLES / f"{name}.yaml", {})

    assert (config.connector_id, config.warehouse_id) == (f"connector-{name}", warehouse_id)
    assert set(config.collections.values()) >= {"inventory", "transactions"}


@pytest.mark.parametrize("warehouse_id", [" W1", "W1 ", "W\\u0007", "ü" * 129])
def test_a_warehouse_that_the_lake_would_refuse_is_refused(write, warehouse_id):
    """RULES 4: it would take none of its documents, and never hear of the connector."""
    path = write(
        f'CONNECTOR_ID: c1\nMONGODB_URI: mongodb://db/shop\nPUBSUB_PROJECT: p\nWAREHOUSE_ID: "{warehouse_id}"\n'
    )

    [problem] = problems(path)
    assert problem.startswith("WAREHOUSE_ID was ") and "expected an id of 1 to 256 bytes" in problem


_RANGES = {
    "HEARTBEAT_SECONDS": ("a number above 0, at most 86,400", (0.001, 86_400), (0, 86_401)),
    "MAX_OUTSTANDING_BYTES": (
        "a whole number from 10,000,000 to 4,000,000,000", (10_000_000, 4_000_000_000), (9_999_999, 4_000_000_001)
    ),
    "MAX_OUTSTANDING_MESSAGES": ("a whole number from 1 to 1,000,000", (1, 1_000_000), (0, 1_000_001)),
    "BATCH_MESSAGES": ("a whole number from 1 to 1,000", (1, 1_000), (0, 1_001)),
    "BATCH_BYTES": ("a whole number from 1 to 9,900,000", (1, 9_900_000), (0, 9_900_001)),
    "BATCH_LATENCY_MS": ("a number from 0 to 60,000", (0, 60_000), (-1, 60_001)),
    "HEALTH_PORT": ("a whole number from 0 to 65,535", (0, 65_535), (-1, 65_536)),
}  # fmt: skip


@pytest.mark.parametrize("name", _RANGES)
def test_every_number_has_a_range_and_one_beyond_it_is_told_with_it(write, name):
    """And is read as it is written: 010 is 8 to one reader of YAML and 10 to another."""
    expected, within, beyond = _RANGES[name]
    least = {key: value for key, value in LEAST.items() if key != name}

    for number in within:
        assert getattr(load_config(write(f"{name}: {number}\n"), least), name.lower()) == number
        assert getattr(load_config(None, least | {name: str(number)}), name.lower()) == number
    for number in (*beyond, -(10**17)):
        [problem] = problems(write(f"{name}: {number}\n"), **least)
        assert problem.startswith(f"{name} was ") and problem.endswith(f", expected {expected}"), problem
    for text in ("010", "0x10", "0b11", "1:30", "1_000", "+5", "\u0661", "true", "many", ".inf", ".nan", "9" * 5_000):
        [problem] = problems(write(f"{name}: {text}\n"), **least)
        assert problem.endswith(f", expected {expected}, in plain digits"), problem


def test_no_number_of_the_configuration_is_without_a_range():
    numbers = {name for name, field in ConnectorConfig.model_fields.items() if field.annotation in (int, float)}

    for name in sorted(numbers):
        [problem] = problems(None, **LEAST, **{name.upper(): "1e99"})
        assert f"{name.upper()} was '1e99' in the environment, expected a " in problem and "number" in problem


def test_an_id_of_digits_with_a_zero_before_is_the_id_that_was_written(write):
    assert load_config(write("WAREHOUSE_ID: 0017\n"), LEAST).warehouse_id == "0017"
