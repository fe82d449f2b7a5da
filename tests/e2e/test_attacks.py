"""One client cannot take the server down: others are served while it tries, at about their pace."""

import random
import signal
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import wait_until
from tests.core.images import saved
from tests.e2e import attacks
from tests.e2e.bystander import FRAME, PNG, Bystander
from tests.e2e.overload import ARRAYS, PREDICTION, Outcome, overload
from tests.e2e.server import (
    PATIENCE,
    Connection,
    PeakMemory,
    Server,
    answer_of,
    resident_megabytes,
    serving,
)
from tests.e2e.watcher import Watcher

_OVERLOAD_S = 1.5
MOST = 10  # times the idle median, for the median while an attack runs
_NETWORKS = b"GET /api/v1/networks HTTP/1.1\r\nHost: localhost\r\n\r\n"
_TRIES = 3  # as what else the machine does may begin or end meanwhile


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the bounds that it has by default, but a short patience for bodies."""
    with serving(tmp_path_factory.mktemp("server"), receive_seconds=3) as running:
        yield running


def _threads(server: Server) -> set[str]:
    """Ids of its threads, on Linux."""
    return {path.name for path in Path(f"/proc/{server.process.pid}/task").glob("*")}


@pytest.fixture(scope="module")
def started(server: Server) -> set[str]:
    """The threads of the server before any attack."""
    return _threads(server)


@pytest.fixture(scope="module")
def bystander(server: Server, started: set[str]) -> Iterator[Bystander]:
    assert started or sys.platform != "linux"
    with closing(Bystander(server)) as other:
        yield other


def _ask(server: Server, request: bytes) -> int:
    """The status of the answer to a request."""
    with server.connect() as connection:
        connection.send(request)
        return answer_of(connection.receive()).status_code


def test_pipelined_requests_are_bounded(server: Server, bystander: Bystander) -> None:
    answers = []

    def attack() -> None:
        with server.connect() as connection, suppress(OSError):
            connection.send(attacks.pipelined(30_000))
            answers.append(connection.rest().count(b"HTTP/1.1 200 OK"))

    assert bystander.during(attack) <= MOST
    assert answers
    assert all(1 <= count <= 17 for count in answers)


def test_a_few_pipelined_requests_are_answered_in_order(server: Server) -> None:
    paths = [b"/healthz", b"/nothing", b"/readyz", b"/nothing"]
    requests = [b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in paths]
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.connect() as connection:
        connection.send(b"".join(requests) + last)
        answers = connection.rest().split(b"HTTP/1.1 ")[1:]
    assert [int(answer[:3]) for answer in answers] == [200, 404, 200, 404, 200]


@cache
def _tall_webp() -> bytes:
    return saved(Image.new("RGB", (4000, 4000), "white"), "WEBP", method=0, quality=1)


@pytest.mark.parametrize(
    ("make", "statuses"),
    [
        (attacks.jpeg_of_segments, {413}),
        (attacks.jpeg_of_fill_bytes, {422}),
        (attacks.png_of_profiles, {422}),
        (attacks.bmp_of_rows, {413}),
        (_tall_webp, {422, 503}),
        (attacks.png_of_deep_colour, {201, 422, 503}),  # 201 unless the machine is slow
    ],
    ids=["segments", "fill bytes", "profiles", "run lengths", "webp", "deep colour"],
)
def test_images_that_are_work_are_bounded(
    server: Server, bystander: Bystander, make: Callable[[], bytes], statuses: set[int]
) -> None:
    request = attacks.post(b"application/octet-stream", make())
    found: set[int] = set()

    def attack() -> None:
        found.add(_ask(server, request))

    assert bystander.during(attack) <= MOST
    assert found <= statuses


@pytest.mark.parametrize(
    ("kind", "path", "make"),
    [
        (b"application/json", b"/api/v1/digits", attacks.json_of_lists),
        (b"application/x-www-form-urlencoded", b"/theme", attacks.form_of_separators),
    ],
    ids=["json", "form"],
)
def test_text_that_is_slow_to_parse_is_refused_unread(
    server: Server, bystander: Bystander, kind: bytes, path: bytes, make: Callable[[], bytes]
) -> None:
    request = attacks.post(kind, make(), path)
    assert bystander.during(lambda: _refused_as_too_large(server, request)) <= MOST


def test_json_of_faults_is_refused_at_the_first(server: Server, bystander: Bystander) -> None:
    request = attacks.post(b"application/json", attacks.json_of_faults())
    found: set[int] = set()

    def attack() -> None:
        found.update(_ask(server, request) for _ in range(4))

    assert bystander.during(attack) <= MOST
    assert found == {422}


def test_wide_strokes_are_bounded_work(server: Server, bystander: Bystander) -> None:
    request = attacks.post(b"application/json", attacks.json_of_wide_strokes())
    found: set[int] = set()

    def attack() -> None:
        found.update(_ask(server, request) for _ in range(2))

    assert bystander.during(attack) <= MOST
    assert found == {422}  # all of it is ink


def _refused_as_too_large(server: Server, request: bytes) -> None:
    assert _ask(server, request) == 413


def test_bodies_that_never_end_keep_nobody_else_out(server: Server, bystander: Bystander) -> None:
    statuses: set[int] = set()

    def attack() -> None:
        connections = [server.connect() for _ in range(130)]  # 260 by both attackers
        for connection in connections:
            connection.send(FRAME[: FRAME.index(b"\r\n\r\n") + 5])
        statuses.update(answer_of(connection.receive()).status_code for connection in connections)
        for connection in connections:
            connection.__exit__()

    assert bystander.during(attack) <= MOST
    assert statuses == {408, 503}


def test_large_bodies_of_one_client_are_bounded_together(
    server: Server, bystander: Bystander
) -> None:
    head = attacks.post(b"image/png", bytes(8 * attacks.MEBIBYTE))[:-1]
    statuses: set[int] = set()

    def attack() -> None:
        connections = [server.connect() for _ in range(16)]
        for connection in connections:
            with suppress(OSError):
                connection.send(head)
        statuses.update(answer_of(one.receive()).status_code for one in connections)
        for connection in connections:
            connection.__exit__()

    assert bystander.during(attack) <= MOST
    assert {503} <= statuses <= {408, 503}
    assert resident_megabytes(server.process.pid) < 512


def test_many_large_uploads_take_little_memory(tmp_path: Path) -> None:
    large = attacks.post(b"image/png", bytes(8 * attacks.MEBIBYTE))
    webp = attacks.post(b"image/webp", _tall_webp())
    deep = attacks.post(b"image/png", attacks.png_of_deep_colour())
    statuses: set[int] = set()

    def upload(server: Server, request: bytes) -> None:
        with server.connect() as connection, suppress(ConnectionError):  # closed while it sends
            connection.send(request)
            statuses.add(answer_of(connection.receive()).status_code)

    images = [webp] * 16 + [deep] * 8 + [large] * 256
    times = []
    with serving(tmp_path, health_port=0) as server, PeakMemory(server) as peak:
        for _ in range(_TRIES):
            other = Watcher(server.port, server.health_port, FRAME)  # this process is busy sending
            with ThreadPoolExecutor(32) as pool:
                list(pool.map(partial(upload, server), images))
            seen = other.seen()
            times.append(seen.frame / seen.idle)
            if times[-1] <= MOST:
                break
    assert min(times) <= MOST
    assert statuses <= {201, 415, 422, 503}
    assert peak.megabytes < 512


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"POST /api/v1/digits HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"1;" + b"x" * 65536),
        (b"POST /api/v1/digits HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"1\r\na\r\n" * 10_000),
        (b"GET /healthz HTTP/1.1\r\nContent-Length: 99999999999\r\n", b"x" * 65536),
        (b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"10000\r\n" + b"x" * 65536),
    ],
    ids=["extensions", "small chunks", "unread", "unread chunks"],
)
def test_what_nobody_reads_is_not_taken(
    server: Server, bystander: Bystander, head: bytes, piece: bytes
) -> None:
    def attack() -> None:
        with server.connect() as connection, suppress(OSError):
            connection.send(head + b"Host: localhost\r\nContent-Type: image/png\r\n\r\n")
            for _ in range(1000):
                connection.send(piece)
            pytest.fail("64 MB were taken")

    assert bystander.during(attack) <= MOST


def test_responses_that_nobody_reads_are_bounded_together(
    server: Server, bystander: Bystander
) -> None:
    digit = server.client.get("/api/v1/samples").json()[0]["id"]
    path = f"/api/v1/networks/mnist-stream/digits/{digit}/activations.npz"
    assert len(server.client.get(path).content) > attacks.MEBIBYTE
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def attack() -> None:
        connections = [server.connect() for _ in range(100)]
        for connection in connections:
            connection.send(request)
            assert connection.socket.recv(1) == b"H"  # of HTTP; the rest stays unread
        for connection in connections:
            connection.__exit__()

    assert bystander.during(attack, attackers=1) <= MOST
    assert server.metric('skiplens_refusals_total{reason="unread"}') > 0
    assert resident_megabytes(server.process.pid) < 512


def test_many_small_requests_take_turns_with_others(server: Server, bystander: Bystander) -> None:
    def attack() -> None:
        connections = [server.connect() for _ in range(200)]
        for _ in range(5):
            for connection in connections:
                connection.send(attacks.pipelined(1))
            for connection in connections:
                assert answer_of(connection.receive()).status_code == 200
        for connection in connections:
            connection.__exit__()

    assert bystander.during(attack) <= MOST


@pytest.mark.parametrize(
    ("path", "png"), [(PREDICTION, PNG), (ARRAYS, b"")], ids=["digits", "arrays"]
)
def test_overload_is_answered_with_when_to_come_back(
    server: Server, bystander: Bystander, path: str, png: bytes
) -> None:
    digit = server.client.get("/api/v1/samples").json()[0]["id"]
    told: list[Outcome] = []

    def attack() -> None:
        told.append(overload(server.port, digit, png, _OVERLOAD_S, path))

    assert bystander.during(attack, attackers=1) <= MOST
    assert {status for one in told for status in one.statuses} <= {200, 201, 503}
    assert not sum(one.unexplained for one in told)


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
def test_an_offer_to_upgrade_is_declined_and_the_body_read(server: Server, offer: bytes) -> None:
    head, _, body = FRAME.partition(b"\r\n\r\n")
    offering = (
        head + b"\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\nUpgrade: "
    )
    smuggled = attacks.pipelined(1)
    with server.connect() as connection:
        connection.send(offering + offer + b"\r\n\r\n")
        connection.send(body)
        assert connection.receive().startswith(b"HTTP/1.1 200 OK\r\n")
    declared = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(
        smuggled
    )
    last = b"Connection: Upgrade, close\r\nUpgrade: " + offer + b"\r\n\r\n"
    with server.connect() as connection:
        connection.send(declared + last)
        connection.send(smuggled)
        assert connection.rest().count(b"HTTP/1.1 ") == 1


_REFUSED = (
    (b"", 400),
    (b"Host: localhost\r\nHost: localhost\r\n", 400),
    (b"Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
    (b"Host: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n", 415),
    (b"Host: evil.example\r\n", 400),
    (b"Host: localhost\r\nOrigin: http://localhost:1\r\n", 403),
    (b"Host: localhost\r\nOrigin: null\r\n", 403),
)


@pytest.mark.parametrize(("fields", "status"), _REFUSED)
def test_requests_that_are_not_as_they_must_be_are_refused(
    server: Server, fields: bytes, status: int
) -> None:
    assert _ask(server, b"POST /theme HTTP/1.1\r\n" + fields + b"\r\nx") == status


def test_refusals_cost_others_nothing(server: Server, bystander: Bystander) -> None:
    head = b"POST /theme HTTP/1.1\r\n"

    def attack() -> None:
        for fields, status in 5 * (*_REFUSED, (b"Host: localhost\r\nUpgrade: h2c\r\n", 422)):
            assert _ask(server, head + fields + b"\r\nx") == status

    assert bystander.during(attack) <= MOST


def test_a_name_that_was_rebound_comes_back_nowhere(server: Server) -> None:
    for path in (b"/", b"/docs/", b"/api/v1/networks/"):
        with server.connect() as connection:
            connection.send(b"GET %b HTTP/1.0\r\nHost: evil.example\r\n\r\n" % path)
            assert b"evil" not in connection.rest()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into another process")
def test_no_attack_had_it_start_a_thread(server: Server, started: set[str]) -> None:
    """Of those above: it keeps its threads, and needs no more."""
    assert _threads(server) == started


def test_a_locked_database_holds_up_no_reader(tmp_path: Path) -> None:
    with serving(tmp_path, wait_seconds=1) as server, closing(Bystander(server)) as bystander:
        with closing(sqlite3.connect(tmp_path / "state/digits.sqlite3", timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            post = attacks.post(b"image/png", PNG)
            statuses = []
            ratio = bystander.during(lambda: statuses.append(_ask(server, post)), attackers=20)
        assert ratio <= MOST
        assert set(statuses) == {503}
        assert _ask(server, post) == 201


def test_a_database_that_is_harmed_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server, closing(Bystander(server)) as bystander:
        posted = server.client.post("/api/v1/digits", files={"file": PNG})
        database = tmp_path / "state/digits.sqlite3"
        database.rename(database.with_suffix(".old"))
        database.write_bytes(b"")
        asked = [
            server.client.get("/readyz"),
            server.client.get(posted.json()["url"]),
            server.client.post("/api/v1/digits", files={"file": PNG}),
        ]
        assert [(one.status_code, one.json()["code"]) for one in asked] == [
            (503, "store_damaged")
        ] * 3
        for path in ("/metrics", "/", "/healthz"):
            assert server.client.get(path).status_code == 200
        post = attacks.post(b"image/png", PNG)
        assert bystander.during(lambda: _ask(server, post)) <= MOST  # who stores nothing is served
        assert [line for line in server.lines() if line["event"] == "store damaged"]


def test_who_fills_the_store_pushes_out_its_own_digits(tmp_path: Path) -> None:
    chance = random.Random(21)  # noqa: S311

    def post(server: Server, address: str) -> str:
        digit = attacks.json_of_dots(chance)
        with Connection(server.port, address) as connection:
            connection.send(attacks.post(b"application/json", digit))
            answer = answer_of(connection.receive())
        assert answer.status_code == 201
        return answer.headers["location"]

    with serving(tmp_path, max_digits=8) as server:
        kept = [post(server, "127.0.0.2") for _ in range(2)]
        others = [post(server, "127.0.0.1") for _ in range(20)]
        for path in (*kept, others[-1]):
            assert server.client.get(path).status_code == 200
        assert server.metric("skiplens_digits_stored") == 8


def test_digits_from_a_later_time_make_room_for_new_ones(tmp_path: Path) -> None:
    chance = random.Random(9)  # noqa: S311

    def post(server: Server) -> str:
        digit, kind = attacks.json_of_dots(chance), {"Content-Type": "application/json"}
        answer = server.client.post("/api/v1/digits", content=digit, headers=kind)
        assert answer.status_code == 201
        return str(answer.json()["url"])

    with serving(tmp_path, max_digits=3, client_share=1) as server:
        assert len({post(server) for _ in range(3)}) == 3
        assert server.stop() == 0
    with closing(sqlite3.connect(tmp_path / "state/digits.sqlite3")) as database, database:
        database.execute("UPDATE digits SET used = used + 4e9")  # as if the clock went back
    statuses: set[int] = set()

    def attack(server: Server) -> None:
        for _ in range(5):
            digit = attacks.post(b"application/json", attacks.json_of_dots(chance))
            statuses.add(_ask(server, digit))

    with (
        serving(tmp_path, max_digits=3, client_share=1) as server,
        closing(Bystander(server)) as bystander,
    ):
        new = [post(server) for _ in range(3)]
        assert [server.client.get(url).status_code for url in new] == [200, 200, 200]
        assert bystander.during(lambda: attack(server)) <= MOST
        assert statuses == {201}


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    import resource

    with serving(tmp_path) as server, closing(Bystander(server)) as bystander:
        least = (tmp_path / "log.jsonl").stat().st_size  # nothing grows any more, the log neither
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (least, least))
        large = PNG + bytes(2 * attacks.MEBIBYTE)  # kept in a file while it is read as a form

        def attack() -> None:
            asked = [
                server.client.post("/api/v1/digits", files={"file": PNG}),
                server.client.post("/api/v1/digits", files={"file": large}),
            ]
            assert [one.status_code for one in asked] == [503, 503]
            assert asked[1].json()["code"] == "out_of_resources"

        assert bystander.during(attack) <= MOST
        assert server.client.get("/readyz").status_code == 200
        assert server.stop() == 0


@contextmanager
def _little_memory(server: Server, room: int) -> Iterator[None]:
    """The server's process may take only so many bytes more, for the length of a ``with`` block."""
    import resource

    process = server.process.pid
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    taken = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmSize:"))
    resource.prlimit(process, resource.RLIMIT_AS, (taken + room, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_server_without_room_for_a_thread_needs_none(tmp_path: Path) -> None:
    statuses: set[int] = set()
    with serving(tmp_path) as server, closing(Bystander(server, request=_NETWORKS)) as bystander:
        started = _threads(server)
        with _little_memory(server, 6 * attacks.MEBIBYTE):  # less than the stack of a thread
            ratio = bystander.during(lambda: statuses.add(_ask(server, _NETWORKS)), attackers=8)
        assert ratio <= MOST
        assert statuses == {200}
        assert _threads(server) == started
        assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_lack_of_memory_is_told_and_passes(tmp_path: Path) -> None:
    with serving(tmp_path) as server, closing(Bystander(server, request=_NETWORKS)) as bystander:
        digit = server.client.get("/api/v1/samples").json()[0]["id"]
        path = f"/api/v1/networks/mnist-stream/digits/{digit}/activations.npz"
        idle, lacking = bystander.median(), []
        with _little_memory(server, 4 * attacks.MEBIBYTE):
            for _ in range(2):
                asked = server.client.get(path)
                assert (asked.status_code, asked.json()["code"]) == (503, "out_of_resources")
                assert server.client.get("/healthz").status_code == 200
                lacking.append(bystander.median())
        assert max(lacking) <= MOST * max(idle, bystander.median())
        assert server.client.get(path).status_code == 200
        assert server.stop() == 0


def _answers(
    server: Server, request: bytes, address: str = "127.0.0.1"
) -> Iterator[tuple[int, float]]:
    """Statuses and seconds, each on a connection of its own, until nobody listens any more.

    A status is 0 if the connection was reset, or closed without a word.
    """
    while True:
        started = time.perf_counter()
        try:
            connection = Connection(server.port, address)
        except ConnectionRefusedError:
            return
        status = 0
        with connection, suppress(OSError, IndexError):
            connection.send(request)
            status = answer_of(connection.receive()).status_code
        yield status, time.perf_counter() - started


def test_stopping_under_load_answers_everyone_who_connected(tmp_path: Path) -> None:
    """Another client gets its frames, then 503, and then finds nobody there."""
    answered: list[int] = []

    def load(server: Server) -> None:
        for status, _ in _answers(server, attacks.pipelined(1)):
            answered.append(status)

    with (
        serving(tmp_path, notice_seconds=1) as server,
        closing(Bystander(server)) as bystander,
    ):
        idle = bystander.median()
        with ThreadPoolExecutor(8) as pool:
            tries = [pool.submit(load, server) for _ in range(8)]
            wait_until(lambda: len(answered) >= 50)
            server.process.send_signal(signal.SIGTERM)
            drawn = list(_answers(server, FRAME, "127.0.0.2"))
            wait(tries)
        assert server.process.wait(PATIENCE) == 0
    drawings = [status for status, _ in drawn if status]
    assert 503 in drawings
    assert {*answered, *drawings} <= {0, 200, 503}
    lost = answered.count(0) + len(drawn) - len(drawings)
    assert lost <= 1  # who connects in the very moment in which the listener closes
    assert drawings == sorted(drawings)
    assert statistics.median([seconds for _, seconds in drawn] or [idle]) <= MOST * idle


def test_attacks_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    requests = attacks.requests() | {"webp": attacks.post(b"image/webp", _tall_webp())}
    sent: list[str] = []

    def send(server: Server, name: str) -> None:
        with suppress(OSError), server.connect() as connection:
            try:
                connection.send(requests[name])
            finally:
                sent.append(name)
            connection.rest()

    with (
        serving(tmp_path, stop_seconds=2, receive_seconds=PATIENCE) as server,
        ThreadPoolExecutor(len(requests)) as pool,
    ):
        tries = [pool.submit(send, server, name) for name in requests]
        wait_until(lambda: len(sent) == len(requests))
        assert server.stop() == 0
        wait(tries)


def test_a_log_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    nothing = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(tmp_path, log_pipe=True) as server, closing(Bystander(server)) as bystander:

        def attack() -> None:
            with server.connect() as connection:
                for _ in range(500):
                    connection.send(nothing)
                    assert answer_of(connection.receive()).status_code == 404

        assert bystander.during(attack) <= MOST
        assert server.stop() == 0


def test_more_connections_than_allowed_are_closed(tmp_path: Path) -> None:
    with serving(tmp_path, max_connections=20, client_share=1, health_port=0) as server:
        connections = [server.connect() for _ in range(40)]
        closed = 0
        for connection in connections:
            connection.socket.setblocking(False)
        while closed < 20:
            for connection in connections:
                with suppress(BlockingIOError):
                    try:
                        closed += connection.socket.recv(1) == b""
                    except ConnectionError:
                        closed += 1
        assert server.liveness() == 200  # at a port of its own
        for connection in connections:
            connection.__exit__()
