"""The policy's file as it is read: what is no policy is one clear problem."""

import pytest

from inventory_assets.notify.policy_source import MAX_BYTES, AlertingFileError, load_policy


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"[channels.a", "it is no TOML: "), (b"\xff", "it is no TOML: "), (b"a = 2026-13-45", "it is no TOML: "),
        (b"a = " + b"9" * 5_000, "it is no TOML: "), (b"a = " + b"[" * 100_000, "it is nested too deep"),
        (b"#" * (MAX_BYTES + 1), "the file had over 1,000,000 bytes"),
    ],
    ids=["cut", "no text", "no day", "5,000 digits", "too deep", "too long"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path, raw, problem):
    path = tmp_path / "alerting.toml"
    path.write_bytes(raw)

    with pytest.raises(AlertingFileError) as error:
        load_policy(path, {})

    assert 1 == len(error.value.problems)
    assert error.value.problems[0].startswith(problem)
