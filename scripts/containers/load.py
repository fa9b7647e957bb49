"""Steady load from the outside: h2load at a fixed rate, whatever the answers, and writers that note what they were told."""

import re
import subprocess
import threading
import time
import uuid

from lab.client import Client

_CONNECTIONS = 10


class SteadyLoad:
    """`with SteadyLoad(url, per_second, seconds) as load: ...` runs beside its block; then `load.report` is there."""

    def __init__(self, url, per_second, seconds):
        self._command = ["h2load", "--h1", "-c", str(_CONNECTIONS), "-t", "1", "--rps", str(per_second / _CONNECTIONS),
                         "-D", str(seconds), url]
        self._process = None
        self.began = 0.0
        self.report = {}
        self.output = ""

    def __enter__(self):
        self.began = time.time()
        self._process = subprocess.Popen(self._command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._process.kill()
        self.output = self._process.communicate()[0]
        self.report = _parse(self.output)

    @property
    def elapsed(self):
        return time.time() - self.began

    @property
    def failures(self):
        """Requests that got no answer, or another one than 2xx; a load that did not get through at all is one, too."""
        return self.report["failed"] if self.report.get("succeeded") else 1

    def __str__(self):
        if not self.report:
            return self.output[-300:]
        return (f"{self.report['succeeded']} well answered, {self.report['failed']} not ({self.report['not2xx']} of them with "
                f"another status than 2xx), slowest {self.report['slowest']}")


def _parse(output):
    totals = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, "
                       r"(\d+) timeout", output)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    slowest = re.search(r"time for request: +\S+ +(\S+)", output)
    if not totals or not codes:
        return {}
    return {"done": int(totals[1]), "succeeded": int(totals[2]), "failed": int(totals[3]) + int(totals[4]) + int(totals[5]),
            "not2xx": int(codes[2]) + int(codes[3]) + int(codes[4]), "slowest": slowest[1] if slowest else "?"}


class Writers:
    """Clients that create orders and payments as fast as they are answered, and keep what was acknowledged.

    A payment that was not answered with 201 is asked for again with the same Idempotency-Key until it is. Meanwhile it
    may be told 409, that its earlier try is in progress: whoever held the key's lease when the database went could not
    give it back.
    """

    IN_PROGRESS = "409 /problems/idempotency-key-in-progress"

    def __init__(self, url, count=2):
        self._client = Client(url, timeout=20)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]
        self.orders = []
        self.payments = {}  # by Idempotency-Key
        self.verdicts = {}  # how often each: the status, and a problem's type after it

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _count(self, answer):
        verdict = " ".join(filter(None, (str(answer.status), answer.json().get("type"))))
        with self._lock:
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        return answer

    def _write(self, number):
        user = number + 1
        while not self._stop.is_set():
            order = {"userId": user, "items": [{"productId": 1, "quantity": 1}]}
            made = self._count(self._client.post("/api/orders", order))
            if made.status == 201:
                self.orders.append(made.json()["id"])
                self._pay(user, made.json()["id"])
            else:
                time.sleep(0.1)

    def _pay(self, user, order_id):
        key = str(uuid.uuid4())
        body = {"orderId": order_id, "userId": user, "amount": 100, "currency": "EUR", "paymentMethodToken": "tok_success"}
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self._count(self._client.post("/api/payments", body, {"Idempotency-Key": key}))
            if answer.status == 201:
                self.payments[key] = answer.json()["id"]
                return
            time.sleep(0.1)
