"""One module per command; each has `app`, a Typer of one command or of its subcommands."""
