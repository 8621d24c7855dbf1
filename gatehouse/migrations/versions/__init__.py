"""The revisions of the main database, one file each; none may be changed once it was released."""
