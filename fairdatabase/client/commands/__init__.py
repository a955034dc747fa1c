"""The subcommands of `fairdb`."""
