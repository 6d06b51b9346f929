import base64
import threading
from concurrent.futures import ThreadPoolExecutor
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


def test_a_secret_goes_from_the_values_of_data_and_leaves_its_shape(redactor):
    redactor.register("root")
    data = {"root_run_id": [SECRET, 1, None, {"found": f"a {SECRET}"}]}
    assert redactor.data(data) == {"root_run_id": [MASK, 1, None, {"found": f"a {MASK}"}]}


def test_threads_may_register_while_others_read():
    known, done = Redactor(), threading.Event()
    faults: list[str] = []

    def read() -> None:
        while not done.is_set():
            if "first-secret" in known.text("first-secret and c2Vjb25kLXNlY3JldA=="):
                faults.append("shown")

    known.register("first-secret")
    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(40):
            known.register(f"value-{number:04}")
        done.set()
        for reader in readers:
            reader.result()
    assert faults == []


def test_what_another_knows_and_what_is_no_secret_for_itself_is_not_beyond_it():
    process, own = Redactor(), Redactor()
    for value in ("first-secret", "second-secret"):
        process.register(value)
    process.register("db.example.com", secret=False)
    own.register("second-secret")
    others = process.beyond(own)
    shown = "first-secret second-secret db.example.com"
    assert others.known(shown) == f"{MASK} second-secret db.example.com"
    assert process.known(shown) == f"{MASK} {MASK} {MASK}"
    assert not own.beyond(process)


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
