"""Mutants of lines of every format, read beside untouched lines and put through what comes after reading."""
