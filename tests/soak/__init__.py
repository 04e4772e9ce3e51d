"""A book fed by many processes for minutes, with a reader, an Explorer and rotation beside it: nothing is lost."""
