"""Rules of a price file that hold for many models: launches of service tiers, factors of regions, discounts."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class TierLaunch:
    """Since when a provider has a service tier.

    Between the launch and the first price that an entry has for the tier, the ratio of that price to the base price
    holds. With a ``factor``, it holds for every model of the provider that has no price for the tier.
    """

    provider: str
    tier: str
    since: date
    factor: float | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class RegionFactor:
    """What a host charges in some regions, as a multiple of the price of tokens elsewhere.

    ``models``, ``but_not`` and ``regions`` are patterns such as ``claude-*``; the first rule that matches counts.
    """

    host: str
    models: tuple[str, ...]
    regions: tuple[str, ...]
    factor: float
    but_not: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A negotiated discount: ``of`` is a provider or the id of a model, ``share`` is 0.12 for 12 % off."""

    of: str
    share: float
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a price file."""

    service_tiers: tuple[TierLaunch, ...] = ()
    regions: tuple[RegionFactor, ...] = ()
    discounts: tuple[Discount, ...] = ()

    def __or__(self, other: "Rules") -> "Rules":
        """Return the rules of both, those of the other first; equal rules are not repeated."""
        if self == other:
            return self
        return Rules(
            other.service_tiers + self.service_tiers, other.regions + self.regions, other.discounts + self.discounts
        )


# section of the file, class of its items, and the key of each field with the kind of its value
SECTIONS = (
    ("service_tiers", TierLaunch,
     {"provider": "text", "tier": "text", "from": "day", "factor": "number", "source": "text"}),
    ("regions", RegionFactor,
     {"host": "text", "models": "texts", "but_not": "texts", "regions": "texts", "factor": "number", "source": "text"}),
    ("discounts", Discount, {"of": "text", "share": "number", "from": "day"}),
)  # fmt: skip
REQUIRED = {
    "service_tiers": ("provider", "tier", "from"),
    "regions": ("host", "models", "regions", "factor"),
    "discounts": ("of", "share"),
}
FIELD_OF_KEY = {"from": "since"}
