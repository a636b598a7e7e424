"""`python -m ddaemon.cli`, for where the script is not on the path."""

from .main import main

if __name__ == "__main__":  # spawned workers import this file again
    main()
