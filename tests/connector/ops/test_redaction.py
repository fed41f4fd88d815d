"""A secret is found in whatever text it got into."""

import json

import pytest

from inventory_assets.connector.ops.redaction import Redactor, secrets_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mongodb://user:s3cret@host:27017/db", "mongodb://***@host:27017/db"),
        ("mongodb+srv://user:s3cret@host/?w=majority", "mongodb+srv://***@host/?w=majority"),
        ("at 'mongodb://u:s3@cret@h1,h2/' and mongodb://u:s3cret@h3", "at 'mongodb://***@h1,h2/' and mongodb://***@h3"),
        ("mongodb://host/db", "mongodb://host/db"),
        ("?tlsCertificateKeyFilePassword=s3cret&x=1", "?tlsCertificateKeyFilePassword=***&x=1"),
        ("authMechanismProperties=AWS_SESSION_TOKEN:s3cret", "authMechanismProperties=AWS_SESSION_TOKEN:***"),
        ("somebody@example.com", "somebody@example.com"),
    ],
)
def test_credentials_of_uris_go_whatever_they_are(text, expected):
    assert expected == Redactor()(text)


@pytest.mark.parametrize("secret", ['quo"te', "back\\slash", "ümlaut", "new\nline", "plain", "a.*b"])
def test_a_known_secret_goes_however_it_was_written(secret):
    redact = Redactor([secret])
    forms = [
        secret,
        repr(secret),
        json.dumps(secret),
        json.dumps(repr(secret)),
        json.dumps({"e": secret}, ensure_ascii=False),
    ]

    cleaned = " ".join(redact(form) for form in forms)

    assert len(forms) == cleaned.count("***")
    assert not [form for form in forms if form.strip("'\"") in cleaned]


def test_of_two_secrets_the_longer_goes_whole():
    assert "*** ***" == Redactor(["pass", "password"])("password pass")


def test_what_is_too_short_would_eat_into_words():
    assert "a banana" == Redactor(["a", ""])("a banana")


def test_it_does_not_tell_what_it_knows():
    assert "s3cret" not in repr(Redactor(["s3cret"]))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://user:p%40ss@host/db", {"p%40ss", "p@ss"}),
        ("mongodb+srv://user:pass@host/", {"pass"}),
        ("mongodb://user@host/", set()),
        ("mongodb://host:27017/", set()),
        ("", set()),
    ],
)
def test_the_password_of_a_uri_is_known_as_written_and_as_meant(uri, expected):
    assert expected == set(secrets_of(uri))
