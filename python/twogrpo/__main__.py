"""`python -m twogrpo`."""

from twogrpo.cli.app import main

if __name__ == "__main__":
    main()
