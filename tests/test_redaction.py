import base64
import threading
from urllib.parse import quote

import pytest

from osiris_dagster.codec import from_json, to_json
from osiris_dagster.errors import DriverError, ErrorInfo
from osiris_dagster.redaction import MASK, Redactor, capture, secret_shapes

SECRET = "p@ss/w0rd's +&"


@pytest.fixture
def redactor():
    known = Redactor()
    known.register(SECRET)
    return known


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        repr(SECRET)[1:-1],
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_known_secret_goes_in_every_form(redactor, form):
    assert redactor.text(f"before {form} after").startswith(f"before {MASK}")
    assert form.rstrip("=") not in redactor.text(f"<{form}>")


def test_a_secret_goes_from_keys_and_values_of_data(redactor):
    data = {"a": [SECRET, 1, None, {SECRET: True}]}
    assert redactor.data(data) == {"a": [MASK, 1, None, {MASK: True}]}


@pytest.mark.parametrize("innocent", ["primary_key", "author", "select password from users", "a" * 64])
def test_innocent_words_stay(redactor, innocent):
    assert redactor.text(innocent) == innocent
    assert secret_shapes(innocent) == ()


def test_a_secret_too_short_to_tell_from_text_is_not_registered():
    short = Redactor()
    short.register("abc")
    assert short.text("abcdef") == "abcdef"


def test_the_user_of_a_dsn_goes_although_nobody_registered_it():
    assert Redactor().text("postgresql://me:hunter2@db:5432/shop") == "postgresql://***@db:5432/shop"


def test_secrets_that_threads_register_at_once_are_all_known():
    known = Redactor()
    secrets = [f"secret-number-{n:03}" for n in range(64)]
    threads = [threading.Thread(target=lambda s=s: (known.register(s), known.text(s))) for s in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [s for s in secrets if s in known.text(s)] == []


def failed(root):
    try:
        try:
            raise ValueError(f"cannot open {root}/data/x.csv with {SECRET}")
        except ValueError as cause:
            raise DriverError("reading failed", fix=f"ask for {SECRET}", retryable="transient") from cause
    except DriverError as error:
        return error


def test_an_exception_is_recorded_without_secrets_and_without_the_hosts_paths(redactor, tmp_path):
    info = capture(failed(tmp_path), redactor, tmp_path)
    assert (info.type, info.code, info.retryable) == ("DriverError", "DRV001", "transient")
    assert info.fix == f"ask for {MASK}"
    assert info.cause.message == f"cannot open data/x.csv with {MASK}"
    assert not any(frame.file.startswith("/") for link in info.chain for frame in link.frames)
    assert from_json(ErrorInfo, to_json(info)) == info


def test_a_cause_that_was_cut_off_stays_unseen(redactor):
    def fail():
        try:
            raise ValueError(SECRET)
        except ValueError:
            raise DriverError("plain") from None

    with pytest.raises(DriverError) as caught:
        fail()
    assert capture(caught.value, redactor).cause is None


def test_the_fingerprint_of_an_error_ignores_values_and_follows_kinds(redactor):
    def of(message, error=DriverError):
        return capture(error(message), redactor).fingerprint

    assert of("row 17 of 'a.csv'") == of("row 99 of 'b.csv'")
    assert of("row 17 of 'a.csv'") != of("column 17 of 'a.csv'")
    assert of("same", DriverError) != of("same", ValueError)
