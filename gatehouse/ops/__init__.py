"""Running Gatehouse: first-run initialisation, serving, checks before serving."""
