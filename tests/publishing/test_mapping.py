"""A mapping file, and options that say the same: every word of it is known."""

from datetime import timedelta, timezone

import pytest

from inventory_assets.publishing.mapping import FileFormat, MappingError, read_mapping, read_zone


def written(tmp_path, text):
    path = tmp_path / "m.toml"
    path.write_text(text)
    return path


def test_a_mapping_says_columns_constants_and_how_the_file_is_written(tmp_path):
    mapping, format_ = read_mapping(
        written(
            tmp_path,
            '[columns]\nsku = "item"\n[constants]\nwarehouse_id = "W1"\n[format]\ndelimiter = "tab"\nzone = "+02:00"\n',
        )
    )

    assert ({"sku": "item"}, {"warehouse_id": "W1"}) == (mapping.columns, mapping.constants)
    assert ("\t", timezone(timedelta(hours=2))) == (format_.delimiter, format_.cells().zone)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it says nothing"),
        ("[columns", "was no TOML"),
        ("[colums]\n", "'colums' is no table, did you mean columns"),
        ('columns = "sku"\n', "expected a table"),
        ('[columns]\nskuu = "a"\n', "'skuu' is no field, did you mean sku"),
        ("[columns]\nsku = 1\n", "sku was 1, expected text"),
        ("[constants]\nsku = 1.5\n", "the constant sku was 1.5"),
        ('[format]\nquote = "x"\n', "'quote' is no word of"),
        ('[format]\ndelimiter = "x"\n', "delimiter was 'x'"),
        ('[format]\nencoding = "klingon"\n', "encoding was 'klingon'"),
        ('[format]\nencoding = "base64"\n', "encoding was 'base64'"),
        ('[format]\nzone = "Europe/Atlantis"\n', "zone was 'Europe/Atlantis'"),
        ('[format]\nzone = "../etc/passwd"\n', "zone was '../etc/passwd'"),
        ('[format]\nthousands = "0"\n', "thousands was '0'"),
        ('[format]\nthousands = ","\ndecimal = ","\n', "were both ','"),
        ('[format]\ntime_format = "%H:%M"\n', "time_format was '%H:%M'"),
        ('[format]\ntime_format = "noon"\n', "time_format was 'noon'"),
    ],
)
def test_a_mapping_that_means_nothing_says_where(tmp_path, text, said):
    with pytest.raises(MappingError) as found:
        read_mapping(written(tmp_path, text))

    assert said in str(found.value) and "m.toml" in str(found.value)


def test_options_come_before_the_mappings_words():
    said = FileFormat(zone="UTC").over(FileFormat(zone="Europe/Berlin", decimal=","))

    assert ("UTC", ",") == (said.zone, said.decimal)
    assert "UTC" == str(read_zone(None))
