"""`python -m twogrpo.cli`."""

from twogrpo.cli.app import main

if __name__ == "__main__":
    main()
