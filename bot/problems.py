"""What stops a command: one line that says what is wrong and how to mend it, and no traceback."""


class Problem(Exception):
    """The command cannot go on. The message is for the operator and holds no secret and no person's words."""


class SchemaBehind(Problem):
    """The database is not at the program's schema."""


class SettingWrong(Problem):
    """A setting cannot be used."""

    def __init__(self, name: str, what: str, example: str | None = None) -> None:
        """Name the setting, what is wrong with it, and a value that would do."""
        super().__init__(f"{name}: {what}" + (f"; for example {name}={example}" if example else ""))
        self.name = name
