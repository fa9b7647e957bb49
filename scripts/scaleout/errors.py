"""What goes wrong with a stack, as exceptions that say it to a reader."""


class StackError(Exception):
    """What failed, and as evidence the last lines of a log or of a command."""

    def __init__(self, message, evidence=()):
        super().__init__(message)
        self.evidence = list(evidence)

    def explain(self):
        """The message with its evidence."""
        return "\n".join([str(self), *self.evidence])


class NotRunning(StackError):
    """There is no such stack, or it is down."""
