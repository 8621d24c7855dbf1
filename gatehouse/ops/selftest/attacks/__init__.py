"""One attack per module. Each defines `ATTACK` and nothing that another module needs."""
