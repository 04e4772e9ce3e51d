"""The names of this room, and where each is."""

from .book import PriceBook as PriceBook
from .book import Prices as Prices
from .cost import PRICE_COLUMNS as PRICE_COLUMNS
from .cost import RATE_COLUMNS as RATE_COLUMNS
from .cost import add_cost as add_cost
from .cost import cheaper_alternatives as cheaper_alternatives
from .cost import mean_rate as mean_rate
from .cost import meter_rates as meter_rates
from .explain import unpriced as unpriced
from .names import name_forms as name_forms
from .one_call import fill_cost as fill_cost
from .parts import PART_METERS as PART_METERS
from .parts import cost_parts as cost_parts
from .what_if import reprice as reprice
from .what_if import reprice_calls as reprice_calls
