"""nginx: its configuration from the template, and changes of it that no client notices.

A reload replaces nginx's workers; the old ones close every connection that idles, and every busy
one after its answer, without notice. A client that is just sending its next request then
sees its connection break. So a reload is announced: while their closing flag exists, the old
workers answer with `Connection: close`, and a second later no client uses their connections.
Each generation of the configuration has a flag of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from scaleout.errors import StackError
from scaleout.native import certificate, processes, template
from scaleout.native.supervisor import nginx_path, worker_user
from scaleout.topology import ROOT

_ANNOUNCE_SECONDS = 1.0
# The template's worker_shutdown_timeout, and a little.
_OLD_WORKERS_SECONDS = 22


def nginx_version():
    """Such as (1, 22, 1)."""
    result = subprocess.run([nginx_path(), "-v"], text=True, capture_output=True, check=False)
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", result.stderr)
    if not found:
        raise StackError("nginx does not say its version", result.stderr.splitlines())
    return tuple(map(int, found.groups()))


class Nginx:
    def __init__(self, settings, places, supervisor):
        self._settings = settings
        self._places = places
        self._supervisor = supervisor
        self._config = places.nginx / "nginx.conf"

    def _closing_flag(self, generation):
        return self._places.scratch / "nginx" / f"closing.{generation}"

    def _servers(self):
        addresses = [self._gateway_address(k) for k in self._settings.gateways]
        if not addresses:
            # nginx wants a server in every upstream; this one says that there is none, and the
            # client gets a 502.
            return f"server {self._gateway_address(1)} down;"
        return "\n    ".join(
            f"server {address} max_fails=1 fail_timeout=1s;" for address in addresses
        )

    def _gateway_address(self, k):
        if self._settings.gateway_sockets:
            return f"unix:{self._supervisor.gateway_socket(k)}"
        return f"127.0.0.1:{self._settings.gateway_port(k)}"

    def write_config(self):
        temp = self._places.scratch / "nginx"
        values = {
            "NGINX_WORKERS": 2,
            "NGINX_LISTEN": f"127.0.0.1:{self._settings.http_port}",
            "NGINX_PID": temp / "nginx.pid",
            "NGINX_TEMP": temp,
            "NGINX_INCLUDE": self._install_includes(),
            "NGINX_ACCESS_LOG": "/dev/stdout scaleout buffer=4k flush=1s"
            if self._settings.access_log
            else "off",
            "NGINX_TRUSTED_PROXY": "127.0.0.1",
            "NGINX_TRUSTED_NETWORK": "127.0.0.1",
            "NGINX_RESOLVER": "",
            "NGINX_SERVERS": self._servers(),
            "NGINX_CLOSING_FLAG": self._closing_flag(self._settings.generation),
            "LB_STRATEGY": self._settings.strategy,
            "PROXY_CACHE": self._settings.proxy_cache,
            "NGINX_CACHE_VERSION": self._settings.cache_version,
        }
        self._write_tls(temp)
        for source in (ROOT / "deploy/nginx/proxy_cache").glob("*.conf.template"):
            (temp / f"proxy_cache_{source.stem}").write_text(template.render(source, values))
        self._config.write_text(template.render(ROOT / "deploy/nginx/nginx.conf.template", values))

    def _write_tls(self, temp):
        config = temp / "tls.conf"
        if not self._settings.tls_port:
            config.unlink(missing_ok=True)
            return
        links = [temp / "tls.certificate.pem", temp / "tls.key.pem"]
        # Links, because the files' own paths may hold what nginx's syntax does not like.
        for link, path in zip(links, certificate.prepare(self._settings, self._places)):
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        old = nginx_version() < (1, 25, 1)
        values = {
            "NGINX_TLS_LISTEN": f"127.0.0.1:{self._settings.tls_port} ssl{' http2' if old else ''}",
            "NGINX_TLS_HTTP2": "" if old else "http2 on;",
            "NGINX_TLS_CERTIFICATE": links[0],
            "NGINX_TLS_KEY": links[1],
        }
        config.write_text(template.render(ROOT / "deploy/nginx/tls.conf.template", values))

    def _install_includes(self):
        """Copies of the small files: the checkout's own path may hold what nginx's syntax does not
        like.
        """
        directory = self._places.scratch / "nginx" / "include"
        (directory / "balance").mkdir(parents=True, exist_ok=True)
        for source in (ROOT / "deploy/nginx/balance").glob("*.conf"):
            (directory / "balance" / source.name).write_text(source.read_text())
        (directory / "server.d").mkdir(exist_ok=True)
        further = directory / "server.d" / "further.conf"
        if self._settings.nginx_include:
            further.write_text(Path(self._settings.nginx_include).read_text())
        else:
            further.unlink(missing_ok=True)
        return directory

    def check(self):
        # With the user of the running one: as root, even a check gives the temporary directories to
        # that user.
        command = [
            nginx_path(),
            "-t",
            "-q",
            "-p",
            str(self._places.nginx),
            "-c",
            str(self._config),
            "-e",
            "stderr",
            "-g",
            worker_user(),
        ]
        result = subprocess.run(command, text=True, capture_output=True, check=False)
        if result.returncode != 0:
            raise StackError("nginx refuses its configuration", result.stderr.splitlines()[-10:])

    def forget_flags(self):
        for flag in (self._places.scratch / "nginx").glob("closing.*"):
            flag.unlink()

    def forget_cache(self):
        """The answers that an earlier nginx stored."""
        shutil.rmtree(self._places.scratch / "nginx" / "cache", ignore_errors=True)

    def _workers(self, master):
        return set(processes.children_of(master))

    def reload(self):
        """Takes the settings' gateways and strategy; returns when no worker with the old ones is
        left.
        """
        old_flag = self._closing_flag(self._settings.generation)
        self._settings.generation += 1
        self.write_config()
        self.check()
        master = self._supervisor.pid("nginx")
        if not master:
            return
        old_workers = self._workers(master)
        old_flag.touch()
        try:
            ports = filter(None, (self._settings.http_port, self._settings.tls_port))
            if any(map(processes.connections_to, ports)):
                time.sleep(_ANNOUNCE_SECONDS)
            os.kill(master, signal.SIGHUP)
            self._await_new_workers(master, old_workers)
            processes.wait_until_gone(old_workers, _OLD_WORKERS_SECONDS)
        finally:
            old_flag.unlink(missing_ok=True)

    def _await_new_workers(self, master, old_workers):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self._workers(master) - old_workers:
                return
            time.sleep(0.02)
        raise StackError(
            "nginx did not take its new configuration", self._supervisor.last_lines("nginx")
        )
