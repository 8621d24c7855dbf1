import tests.rasa_import  # noqa: F401  (before anything that imports Rasa)
