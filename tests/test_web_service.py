"""examples/web_service.py, as a process that is asked over HTTP, stopped, and started again."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("quart_trio")
pytest.importorskip("hypercorn")

EXAMPLE = Path(__file__).parent.parent / "examples" / "web_service.py"
ID = "6b0c5f0e-3f0e-4c52-9a53-6c5bfb4c0e36"
BOOKING = {"id": ID, "hotel": "The Grand", "guest": "Ada"}


class Service:
    """The process, and the address that it serves on."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-W", "error", EXAMPLE, "--port", "0", *options]
        self.process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.records = []
        while not (message := self.next_record()["message"]).startswith("serving on "):
            pass
        self.address = message.removeprefix("serving on http://")

    def next_record(self):
        line = self.process.stderr.readline()
        assert line, "the process has ended"
        self.records.append(json.loads(line))
        return self.records[-1]

    def wait_for(self, start):
        while not self.next_record()["message"].startswith(start):
            pass

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def wait_until(self, path, state):
        deadline = time.monotonic() + 10
        while (answer := self.ask("GET", path)[1])["state"] == "pending":
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
        assert answer["state"] == state
        return answer

    def stop(self):
        """Send SIGTERM, and return how long it took to exit."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=20)
        self.records += [json.loads(line) for line in rest.splitlines()]
        assert self.process.returncode == 0, rest
        return time.monotonic() - began

    def messages(self):
        return [record["message"] for record in self.records]


@pytest.fixture
def start(tmp_path):
    """Return a function that starts the service, each time on the same store."""
    with contextlib.ExitStack() as stack:

        def start(*options):
            service = Service(tmp_path, *options)
            stack.enter_context(service.process)
            stack.callback(service.process.kill)
            return service

        yield start


def test_a_booking_is_created_once_and_can_be_looked_up(start):
    """A request that is sent again is answered with the booking that exists."""
    service = start("--seconds", "0.1")
    for _ in range(2):
        status, answer = service.ask("POST", "/bookings", BOOKING)
        assert (status, answer["id"]) == (202, ID)
    assert service.wait_until(f"/bookings/{ID}", "booked")["number"] == "6B0C5F0E"
    status, answer = service.ask("POST", "/bookings", BOOKING)
    assert (status, answer["state"]) == (202, "booked")
    service.stop()
    assert [message.split()[0] for message in service.messages()[2:4]] == ["charging", "booking"]


def test_a_booking_that_fails_is_undone_and_logged_as_json(start):
    """The record of the failed node has the saga's id and name, the node, and the traceback."""
    service = start("--seconds", "0.01")
    service.ask("POST", "/bookings", BOOKING | {"hotel": "Bates Motel"})
    answer = service.wait_until(f"/bookings/{ID}", "failed")
    assert "NoVacancy" in answer["error"]
    service.stop()
    (record,) = [each for each in service.records if each["logger"] == "steno"]
    assert (record["level"], record["saga_id"], record["saga_name"], record["node"]) == (
        "WARNING",
        ID,
        "booking",
        "hotel",
    )
    assert record["traceback"].endswith("NoVacancy: Bates Motel")
    assert f"refunding, key {ID}/0/action" in service.messages()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/bookings", {"id": "none", "hotel": "The Grand", "guest": "Ada"}, 400),
        ("POST", "/bookings", {"id": ID, "hotel": 7, "guest": "Ada"}, 400),
        ("POST", "/bookings", {"id": 7}, 400),
        ("POST", "/bookings", [], 400),
        ("POST", "/bookings", BOOKING | {"guest": "Bob"}, 409),
        ("GET", "/bookings/00000000-0000-0000-0000-000000000000", None, 404),
    ],
)
def test_a_bad_request_is_refused(start, method, path, body, status):
    """A malformed body, an id of another booking, an unknown id: each has its status and a text."""
    service = start("--seconds", "0.01")
    assert service.ask("POST", "/bookings", BOOKING)[0] == 202
    found, answer = service.ask(method, path, body)
    assert (found, list(answer)) == (status, ["error"])
    service.stop()


def test_health_and_readiness(start):
    """Health shows the statistics of the SEC; readiness ends with SIGTERM, health does not."""
    service = start("--lead", "1")
    assert service.ask("GET", "/readyz") == (200, {"ready": True})
    service.process.send_signal(signal.SIGTERM)
    service.wait_for("stopping")
    assert service.ask("GET", "/readyz") == (503, {"ready": False})
    status, health = service.ask("GET", "/healthz")
    assert (status, health["running"], health["halted"]) == (200, 0, 0)


def test_sigterm_lets_the_call_in_progress_end(start):
    """The charge is logged before the process exits, and the next process does not repeat it."""
    first = start("--seconds", "0.5", "--grace", "10")
    first.ask("POST", "/bookings", BOOKING)
    first.wait_for("charging")
    assert first.stop() < 5
    assert first.messages()[-1] == "stopped"
    second = start("--seconds", "0.01")
    second.wait_until(f"/bookings/{ID}", "booked")
    second.stop()
    assert not [message for message in second.messages() if message.startswith("charging")]


def test_sigterm_cuts_off_a_call_at_the_deadline(start):
    """A call that takes too long is cut off, and the next process makes it again, with its key."""
    first = start("--seconds", "60", "--grace", "0.5")
    first.ask("POST", "/bookings", BOOKING)
    first.wait_for("charging")
    assert first.stop() < 5
    assert first.messages()[-1] == "stopped at the deadline"
    second = start("--seconds", "0.01")
    second.wait_until(f"/bookings/{ID}", "booked")
    second.stop()
    assert f"charging Ada, key {ID}/0/action" in second.messages()


def test_a_killed_process_loses_nothing(start):
    """A booking that was accepted is finished by the next process."""
    first = start("--seconds", "60")
    assert first.ask("POST", "/bookings", BOOKING)[0] == 202
    first.process.kill()
    first.process.wait()
    second = start("--seconds", "0.01")
    second.wait_until(f"/bookings/{ID}", "booked")
    second.stop()
