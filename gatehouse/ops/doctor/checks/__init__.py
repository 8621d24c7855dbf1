"""One module per check; each has `look(subject)`, which gives its findings."""
