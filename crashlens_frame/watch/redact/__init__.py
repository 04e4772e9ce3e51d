"""What others may see of calls: values masked, words hashed, or texts dropped."""

from .redacting import CONTENTS, redact

__all__ = ["CONTENTS", "redact"]
