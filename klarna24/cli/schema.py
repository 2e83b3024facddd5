"""klarna24 schema."""

import json

import click

from klarna24.cli.output.csv_text import print_utf8
from klarna24.cli.output.lines import while_someone_reads
from klarna24.config.schema import example, json_schema


@click.command("schema")
@click.option("--example", "wants_example", is_flag=True, help="Print the example settings instead.")
def command(wants_example: bool) -> int:
    """Print the JSON Schema of profiles.toml, for editors.

    An editor that knows it completes the keys, explains them and marks faults while you type. --example prints
    profiles.example.toml, which explains every setting.
    """
    with while_someone_reads():
        print_utf8(example() if wants_example else f"{json.dumps(json_schema(), ensure_ascii=False, indent=2)}\n")
    return 0
