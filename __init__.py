"""ddaemon: a watch folder that says of every video of a person whether it was manipulated."""

__version__ = "0.1.0"
