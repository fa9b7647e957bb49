"""A stack on the Swarm of this machine, as far as scripts that log in want to know it."""

from scaleout.docker import docker
from scaleout.driver import run
from scaleout.errors import NotRunning

_PSQL = ("psql", "-X", "-U", "postgres", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")


class SwarmStack:
    def __init__(self, name, url, secrets_dir):
        self._name = name
        self._url = url
        self._secrets_dir = secrets_dir

    def url(self):
        return self._url

    def doors(self):
        return [self._url]

    def secrets_dir(self):
        return self._secrets_dir

    def containers(self, service):
        """The ids of those that run."""
        of_service = f"label=com.docker.swarm.service.name={self._name}_{service}"
        return docker("ps", "-q", "--no-trunc", "--filter", of_service).split()

    def user_service(self, *verb, typed=""):
        return self._execute("user-service", "/usr/bin/user-service", *verb, typed=typed)

    def psql(self, database, sql, timeout=None):
        words = (*_PSQL, "-d", database, "-c", sql)
        return self._execute("postgres", *words, timeout=timeout).strip()

    def _execute(self, service, *command, **options):
        running = self.containers(service)
        if not running:
            raise NotRunning(f"no task of {service} is running")
        return run(["docker", "exec", "-i", running[0], *command], **options)
