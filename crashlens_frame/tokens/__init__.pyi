"""The names of this room, and where each is."""

from .counting import add_tokens as add_tokens
from .counting import count_tokens as count_tokens
from .one_call import FAMILIES as FAMILIES
from .one_call import fill_tokens as fill_tokens
