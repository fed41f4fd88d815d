"""Read a connector's configuration from its file and the environment, and say all that is wrong with it.

Here: sources, their order, and the text of problems. Not here: fields and bounds (`config_model`).

One flat YAML file with R0's names; an environment variable of the same name overrides it, as
Cloud Run's `--set-env-vars` does. `MONGODB_URI` and `HMAC_KEY` may also be in files of their own,
as Secret Manager mounts them: `MONGODB_URI_FILE`, `HMAC_KEY_FILE`.
"""

import difflib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from inventory_assets.connector.config_model import PLAIN_NUMBER, ConnectorConfig, list_conflicts
from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.shape.schema_registry import load_registry
from inventory_assets.connector.shape.transforms import load_transforms
from inventory_assets.settings import DEFAULT_PROJECT

__all__ = ["ConnectorConfig", "load_config"]

SECRETS = ("MONGODB_URI", "HMAC_KEY")
FIELDS = {name.upper(): field for name, field in ConnectorConfig.model_fields.items()}
_FILES = {f"{name}_FILE": name for name in SECRETS}
_MAX_BYTES = 1_000_000
# Stand-ins for what is missing, so that a second pass can find what else is wrong.
_STAND_INS = {"CONNECTOR_ID": "unknown", "MONGODB_URI": "mongodb://unknown/unknown"}


def load_config(path: Path | None, environ: Mapping[str, str]) -> ConnectorConfig:
    """Read a configuration and check it whole, the hooks and schemas it names included.

    Args:
        path: None: everything is in the environment.
        environ: Empty values count as unset.

    Raises:
        ConfigurationError: Lists every problem, with the name, what was there and what is expected.
    """
    problems: list[str] = []
    given = {} if path is None else _read_file(path, problems)
    names = {*FIELDS, *_FILES}
    outer: dict[str, Any] = {name: environ[name] for name in names if environ.get(name)}
    if (port := environ.get("PORT")) and "HEALTH_PORT" not in outer:
        # Cloud Run looks for the service there, whatever a file says.
        outer |= {"HEALTH_PORT": port, "HEALTH_HOST": outer.get("HEALTH_HOST", "0.0.0.0")}
    values = _read_secrets(given, problems) | _read_secrets(outer, problems)
    if "PUBSUB_PROJECT" not in values:
        project = environ.get("GOOGLE_CLOUD_PROJECT") or ("PUBSUB_EMULATOR_HOST" in values and DEFAULT_PROJECT)
        if project:
            values["PUBSUB_PROJECT"] = project
    config = _validate(values, outer, problems)
    problems += list_conflicts(config)
    problems += _loading_problems(config)
    if problems:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        where = "the environment" if path is None else str(path)
        raise ConfigurationError(f"{where}: {count}, see docs/connector.md:\n  " + "\n  ".join(problems))
    return config


def _validate(values: dict[str, Any], outer: Mapping[str, Any], problems: list[str]) -> ConnectorConfig:
    """Build the configuration; where a field is wrong, note it and go on without."""
    try:
        return ConnectorConfig(**values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        wrong = {str(each["loc"][0]) for each in found}
        problems += [_describe(each, values, outer) for each in found if not _is_told(each, problems)]
        # With what is right alone, what only shows between fields is found, too.
        kept = {name: value for name, value in values.items() if name not in wrong}
        return ConnectorConfig(**(_STAND_INS | kept))


def _is_told(error: ErrorDetails, problems: list[str]) -> bool:
    # A secret whose file cannot be read is missing for that reason alone.
    return error["type"] == "missing" and any(each.startswith(f"{error['loc'][0]}_FILE ") for each in problems)


def _describe(error: ErrorDetails, values: Mapping[str, Any], outer: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    message = error["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ", 1)
    if error["type"] == "missing":
        return f"{name} was missing, expected {FIELDS[name].description}"
    if not message.startswith(("expected", "'")):
        message = f"expected otherwise: {message}"
    if bounds := _range_of(FIELDS.get(name)):
        message = f"expected {bounds}" + (", in plain digits" if error["type"] == "value_error" else "")
    if error["type"] == "string_type":
        message += " (quote it in the file)"
    if error["type"] == "string_pattern_mismatch" and (description := FIELDS[name].description):
        message = f"expected {description}"
    shown = "not usable" if name in SECRETS else repr(values.get(name))
    place = " in the environment" if name in outer else ""
    return f"{name} was {shown[:200]}{place}, {message}"


def _range_of(field: FieldInfo | None) -> str | None:
    """A number's range in words; None where a field is no number. Pydantic names the end that was passed alone."""
    bounds = {
        key: getattr(each, key)
        for each in (field.metadata if field is not None else ())
        for key in ("ge", "gt", "le")
        if hasattr(each, key)
    }
    if "le" not in bounds or field is None:
        return None
    least = f"from {bounds['ge']:,} to" if "ge" in bounds else f"above {bounds['gt']:,}, at most"
    return f"a {'whole ' if field.annotation is int else ''}number {least} {bounds['le']:,}"


def _read_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise ConfigurationError(f"{path} had {len(raw):,} bytes, expected at most {_MAX_BYTES:,}")
        document = yaml.load(raw.decode("utf-8-sig"), Loader=_Loader)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}. Name a file with --config.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no UTF-8 text, expected YAML") from error
    except yaml.MarkedYAMLError as error:
        # Not its own text, which quotes the line, and there may be a password in it.
        line = "" if error.problem_mark is None else f" line {error.problem_mark.line + 1}"
        raise ConfigurationError(f"{path}{line}: it is no YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise ConfigurationError(f"{path} is no YAML: it holds characters that YAML does not allow") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is no YAML: it holds a day or a number that is none") from error
    except RecursionError:
        raise ConfigurationError(f"{path} is nested too deep, expected names with values") from None
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"{path} held no names with values, expected such as CONNECTOR_ID: connector-wh-east-1"
        )
    known = {*FIELDS, *_FILES}
    for name in document:
        if name not in known:
            close = difflib.get_close_matches(str(name).upper(), known, n=1)
            problems.append(f"{name} is no setting" + (f", did you mean {close[0]}?" if close else ""))
    return {name: value for name, value in document.items() if name in known and value is not None}


class _Loader(yaml.SafeLoader):
    """YAML, but a name twice is an error: the plain loader takes the last one. 010 is not 8, and 1:30 not 90."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a name was no text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _construct_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    # Another reader of YAML has another number there; as text, a field of numbers refuses it as it was written.
    if not PLAIN_NUMBER.fullmatch(node.value):
        return node.value
    return float(node.value) if node.tag.endswith("float") else int(node.value)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _construct_number)


def _read_secrets(given: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Replace `X_FILE` by X, read from that file. What one source says stands or falls by itself."""
    values = {name: value for name, value in given.items() if name not in _FILES}
    for file_name, name in _FILES.items():
        if (place := given.get(file_name)) is None:
            continue
        if name in values:
            problems.append(f"{name} and {file_name} were both there, expected one of them")
            continue
        try:
            values[name] = Path(str(place)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "no UTF-8 text"
            # Who mistakes it for the name of the secret itself has the secret here.
            shown = repr(place) if str(place).startswith(("/", "./", "../")) else "no absolute path"
            problems.append(f"{file_name} was {shown}, expected a readable file: {why}")
    return values


def _loading_problems(config: ConnectorConfig) -> list[str]:
    problems = []
    for load in (lambda: load_transforms(config.transforms), lambda: load_registry(config.schema_dir)):
        try:
            load()
        except ConfigurationError as error:
            lines = str(error).split("\n  ")
            problems += lines[1:] or lines
    return problems
