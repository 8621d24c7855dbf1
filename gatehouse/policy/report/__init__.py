"""The page that is signed: who may ask what, the rules in words, and what changed since.

One HTML file that needs nothing else, so that what was signed can be opened in twenty years. It is
made from the compiled rules; it must never show a permission smaller than it is.
"""

from gatehouse.policy.report.content import Content, TestFile, response_texts, test_files
from gatehouse.policy.report.page import matrix_page, page

__all__ = ["Content", "TestFile", "matrix_page", "page", "response_texts", "test_files"]
