"""`python -m gatehouse.cli`: the command line without an installed script."""

from gatehouse.cli.main import main

main()
