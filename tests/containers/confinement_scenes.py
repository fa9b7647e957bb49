"""Scenes 4 and 5: what the containers may do, and how much memory they need."""

import os

import engine
from scaleout.docker import docker, inspect
from scaleout.topology import REDIS_SERVERS

_MEMORY_MB = 512


def check_confinement(project):
    project.n.scene(
        "4. What a container may do",
        "As little as possible: looked at from outside, in the running containers.",
    )
    everything = {c["Name"].lstrip("/"): c for c in inspect(*project.ids())}
    running = {name: c for name, c in everything.items() if c["State"]["Running"]}
    project.n.check(
        "ten containers and one that has made the passwords and ended",
        len(running) == 10 and len(everything) == 11,
        ", ".join(sorted(everything)),
    )

    def everywhere(what, holds, among=running):
        wrong = [name for name, c in among.items() if not holds(c)]
        project.n.check(what, not wrong, ", ".join(wrong))

    # Where the engine is on another machine (Docker Desktop), its own word for the user has to do.
    everywhere(
        "none is root",
        lambda c: c["Config"]["User"].split(":")[0] not in ("", "0", "root"),
        everything,
    )
    everywhere(
        "no main process is root's", lambda c: engine.user_of_process(c["State"]["Pid"]) != 0
    )
    everywhere(
        "no root file system can be written to",
        lambda c: c["HostConfig"]["ReadonlyRootfs"],
        everything,
    )
    everywhere(
        "no capabilities",
        lambda c: c["HostConfig"]["CapDrop"] == ["ALL"] and not c["HostConfig"]["CapAdd"],
        everything,
    )
    everywhere(
        "no way to gain any",
        lambda c: "no-new-privileges:true" in c["HostConfig"]["SecurityOpt"],
        everything,
    )
    everywhere(
        "memory and processes are limited",
        lambda c: c["HostConfig"]["Memory"] > 0 and (c["HostConfig"]["PidsLimit"] or 0) > 0,
        everything,
    )
    everywhere(
        "each comes back when it dies",
        lambda c: c["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped",
    )
    everywhere("each is healthy", lambda c: c["State"]["Health"]["Status"] == "healthy")
    published = {
        name: sorted(
            f"{b['HostIp']}:{b['HostPort']}"
            for ports in c["NetworkSettings"]["Ports"].values()
            for b in ports or []
        )
        for name, c in running.items()
    }
    published = {name: ports for name, ports in published.items() if ports}
    project.n.check(
        "one port is published, nginx', on this machine only",
        list(published.values()) == [[f"127.0.0.1:{os.environ['HTTP_PORT']}"]]
        and "nginx" in next(iter(published)),
        published,
    )
    networks = inspect(
        *docker(
            "network", "ls", "-q", "--filter", f"label=com.docker.compose.project={project.name}"
        ).split()
    )
    open_ones = sorted(n["Name"] for n in networks if not n["Internal"])
    project.n.check(
        "one network leads outside, and only nginx is on it",
        open_ones == [f"{project.name}_front"]
        and [c["Name"] for n in networks if not n["Internal"] for c in n["Containers"].values()]
        == [f"{project.name}-nginx-1"],
        open_ones,
    )
    environments = [variable for c in everything.values() for variable in c["Config"]["Env"]]
    project.n.check(
        "no container's environment holds a password",
        not [v for v in environments if "PASSWORD" in v.split("=")[0] and "_FILE=" not in v],
    )
    refusals = [
        project.compose("exec", "-T", server, "redis-cli", "ping").strip()
        for server in REDIS_SERVERS
    ]
    project.n.check(
        "a Redis server refuses a client without its password",
        all("NOAUTH" in refusal for refusal in refusals),
        refusals,
    )
    for server in REDIS_SERVERS:
        project.driver.flush(server)
    outside = [project.client.get(path).status for path in ("/metrics", "/livez", "/readyz")]
    project.n.check(
        "probes and the Prometheus page are not reachable from outside",
        outside == [404, 404, 404],
        outside,
    )


def check_memory(project):
    project.n.scene("5. Memory", "The core stack with three gateways, after the first requests.")
    memory = engine.memory_of([c["Id"] for c in inspect(*project.ids()) if c["State"]["Running"]])
    total = sum(memory.values())
    project.n.table(
        ("container", "MB"), [(name, f"{mb:.1f}") for name, mb in sorted(memory.items())]
    )
    project.n.figure("memoryMb", total)
    project.n.check(f"the sum is under {_MEMORY_MB} MB", total < _MEMORY_MB, f"{total:.0f} MB")
