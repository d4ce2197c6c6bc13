"""`python -m bimotion` is `bimotion`."""

from bimotion.cli.main import main

if __name__ == "__main__":
    main()
