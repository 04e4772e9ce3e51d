"""Write the pages that follow from the package: ``python -m docs.pages FOLDER``."""
