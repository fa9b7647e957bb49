"""nginx with the suite's own configuration before one stub in place of the gateways: what nginx
stores then depends on nothing but what the stub says.
"""

import contextlib
import http.cookiejar
import http.server
import shutil
import signal
import subprocess
import threading

import httpx

from native_stack import BIN_DIR, eventually, free_ports, new_home
from scaleout.native import processes, settings
from scaleout.native.nginx import Nginx
from scaleout.native.places import Places
from scaleout.native.supervisor import nginx_path, worker_user

PUBLIC = "public, max-age=0, s-maxage=60"


class Stub:
    """Answers GET and HEAD with `status`, `headers` and `body` after `gate` is open, and keeps what
    it was asked.
    """

    def __init__(self, port):
        self.status = 200
        self.headers = {"Cache-Control": PUBLIC}
        self.body = b"the first"
        self.broken = False  # closes connections instead of answering
        self.gate = threading.Event()
        self.gate.set()
        self.asked = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                stub.asked.append((self.command, self.path, dict(self.headers.items())))
                stub.gate.wait(10)
                if stub.broken:
                    self.close_connection = True
                    return
                status, body = stub.status, stub.body
                if "ETag" in stub.headers and stub.headers["ETag"] == self.headers.get(
                    "If-None-Match"
                ):
                    status, body = 304, b""
                self.send_response_only(status)
                for name, value in stub.headers.items():
                    self.send_header(name, value)
                self.send_header("X-Instance-Id", "the-stub")
                self.send_header("X-Request-Id", self.headers.get("X-Request-Id", "the-stubs-own"))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def paths(self):
        return [path for _, path, _ in self.asked]

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


class ProxiedStub:
    def __init__(self, lock_timeout=None):
        """`lock_timeout`: another proxy_cache_lock_timeout than the configuration's."""
        self._home = new_home()
        self._home.chmod(0o755)
        port = free_ports(2)
        self.settings = settings.Settings(
            run_dir=str(self._home / "run"),
            bin_dir=str(BIN_DIR),
            http_port=port,
            gateways=[1],
            proxy_cache="on",
        )
        self.places = Places(self.settings.run_dir)
        self.places.claim()
        self.places.create()
        self.nginx = Nginx(self.settings, self.places, supervisor=None)
        self.nginx.write_config()
        if lock_timeout:
            config = self.places.scratch / "nginx" / "proxy_cache_on.conf"
            text = config.read_text()
            assert "lock_timeout 100ms" in text
            config.write_text(text.replace("lock_timeout 100ms", f"lock_timeout {lock_timeout}"))
        self.nginx.check()
        self.stub = Stub(self.settings.gateway_port(1))
        self._log = self.places.log / "nginx.log"
        with open(self._log, "wb") as log:
            arguments = ["-p", ".", "-c", "nginx.conf", "-e", "stderr"]
            self.process = subprocess.Popen(
                [nginx_path(), *arguments, "-g", f"daemon off;{worker_user()}"],
                cwd=self.places.nginx,
                stdout=log,
                stderr=log,
            )
        self.url = f"http://127.0.0.1:{port}"
        self.client = self._new_client()
        eventually(lambda: self.client.get("/").status_code == 404)

    def _new_client(self):
        """One that takes no cookies."""
        client = httpx.Client(base_url=self.url, timeout=10)
        client.cookies.jar.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return client

    def get_once(self, path):
        """On a connection of its own."""
        return httpx.get(f"{self.url}{path}", timeout=10)

    def log(self):
        return self._log.read_text()

    def stored(self):
        """The files of what nginx keeps."""
        cache = self.places.scratch / "nginx" / "cache"
        return [path for path in cache.rglob("*") if path.is_file()]

    def take_version(self, version):
        """What `purge` does, less the announcement to clients: there is one, and it stays away."""
        self.settings.cache_version = version
        self.settings.generation += 1
        self.nginx.write_config()
        old = set(processes.children_of(self.process.pid))
        self.client.close()
        self.client = self._new_client()
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: not old & set(processes.children_of(self.process.pid)))

    def close(self):
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.stub.close()
        self.places.remove()
        shutil.rmtree(self._home, ignore_errors=True)
