"""Verbs about the local cluster: up, down, status."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption
from tenure.cli.output import Failed, print_json, print_mapping, print_table, say

cluster = typer.Typer(
    help="A real cluster on this machine, for trial: HDFS, Hive metastore, HiveServer2.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
FolderOption = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="Where its files are [default: ~/.local/share/tenure/cluster]."),
]


@cluster.command("up")
def up(
    folder: FolderOption = None,
    port_offset: Annotated[
        int,
        typer.Option(
            "--port-offset",
            min=0,
            max=55535,
            metavar="N",
            help="Move all ports up: 8020 (HDFS), 9870 (WebHDFS), 9083 (metastore), 10000 (HiveServer2).",
        ),
    ] = 0,
    metastore: Annotated[
        str | None,
        typer.Option(
            "--metastore",
            metavar="URL",
            help="Keep the metastore in an empty MariaDB database, mariadb://user@host:port/database, its password in "
            "TENURE_METASTORE_PASSWORD [default: a Derby database of its own].",
        ),
    ] = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Start HDFS (three DataNodes), the Hive metastore and Spark's HiveServer2 on 127.0.0.1.

    The first time Maven fetches 55 MB. What runs already stays as it is. Everybody who can log in to this machine can
    use the cluster: it is for trial and tests, not for a bank's data.

    \b
      tenure cluster up
      tenure cluster up --port-offset 10000
    """
    from tenure.cluster.local import cluster_up
    from tenure.cluster.metastore import mariadb

    database = mariadb(metastore, os.environ) if metastore else None
    layout = cluster_up(_folder(folder), port_offset, database, lambda step: None if json else say(f"starting {step}"))
    about = {
        "HDFS": layout.namenode,
        "WebHDFS and its pages": layout.webhdfs,
        "Hive metastore": layout.metastore,
        "HiveServer2": layout.jdbc,
        "files": layout.folder,
    }
    if json:
        print_json({name.split(" ", 1)[0].lower(): str(value) for name, value in about.items()})
        return
    print_mapping(about)
    say("stop it with: tenure cluster down")


@cluster.command("down")
def down(folder: FolderOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Stop the cluster's processes. Its files stay; delete the folder to be rid of them."""
    from tenure.cluster.local import cluster_down

    stopped = cluster_down(_folder(folder))
    if json:
        print_json({"stopped": stopped})
    else:
        say(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@cluster.command("status")
def status(folder: FolderOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Say how each process is, and what is missing on this machine; exit code 1 unless all of them are up."""
    from tenure.cluster.local import cluster_status
    from tenure.cluster.programs import missing_programs

    place = _folder(folder)
    layout, found = cluster_status(place)
    missing = [str(problem) for problem in missing_programs()]
    healthy = bool(found) and all(entry.pid and "no answer" not in entry.state for entry in found)
    if json:
        processes = [asdict(entry) for entry in found]
        print_json({"folder": str(place), "healthy": healthy, "processes": processes, "missing": missing})
    else:
        if layout is None:
            say(f"no cluster was brought up in {place}")
        else:
            print_table(("process", "pid", "state"), [(entry.name, entry.pid, entry.state) for entry in found])
        for problem in missing:
            typer.echo(problem, err=True)
    if not healthy:
        raise Failed(1)


def _folder(given: Path | None) -> Path:
    base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return (given or base / "tenure" / "cluster").absolute()
