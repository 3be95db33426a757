"""The `payfirst` command line: one place where every command is registered."""

from __future__ import annotations

import typer

from console.cli import demo, money, ops, stage

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Payfirst: paid first, then fulfilled.")
demo.register(app)
stage.register(app)
ops.register(app)
money.register(app)


def main() -> None:
    """Entry point of `payfirst`."""
    app()


if __name__ == "__main__":
    main()
