"""Service tiers: which mean the base prices, and which may be priced at them."""

# that a model has no prices for one of these is no news
_STANDARD_TIERS = ("", "auto", "default", "on_demand", "standard", "standard_only")
# discounts: the base prices are their upper bound. Without its own prices, any other tier has no price.
_CHEAPER_TIERS = ("batch", "flex")

STANDARD, CHEAPER, OTHER = range(3)


def tier_kind(service_tier: str | None) -> int:
    """Return whether a service tier is the standard, one with a discount, or another.

    Examples
    --------
    >>> from crashlens_frame.pricing.tiers import tier_kind
    >>> [tier_kind(tier) for tier in (None, "Default", "batch", "priority")]
    [0, 0, 1, 2]
    """
    name = (service_tier or "").lower()
    return STANDARD if name in _STANDARD_TIERS else CHEAPER if name in _CHEAPER_TIERS else OTHER
