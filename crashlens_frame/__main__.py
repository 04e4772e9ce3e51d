"""Run the command line as ``python -m crashlens_frame``."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="crashlens-frame")
