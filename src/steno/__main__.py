"""`python -m steno`, the same as the `steno` command."""

from steno.cli import main

if __name__ == "__main__":
    main()
