import tests.rasa_import  # noqa: F401
