"""Texts as people and programs write them: questions, documents, answers, logs; drawn by a seeded Random."""

import json
from random import Random
from typing import Any

NAMES = (
    "Marta Oliveira", "Jens Petersen", "Aiko Tanaka", "Priya Nair", "Tom Becker", "Chloé Martin", "Samuel Okafor",
    "Lena Novak", "David Cohen", "Ana Ruiz", "Yusuf Kaya", "Grace Kim", "Peter Svensson", "Olga Ivanova", "Ben Carter",
)  # fmt: skip
COMPANIES = (
    "Northwind Freight", "Alpenkraft AG", "Blue Heron Labs", "Casa Verde", "Delta Optics", "Fjord Systems",
    "Gullwing Air", "Halcyon Foods", "Ironbark Mining", "Juniper Health", "Kestrel Media", "Lumen Retail",
)  # fmt: skip

# {n} a number, {who} a person, {firm} a company, {x} a thing of the domain, {y} another one
_DOMAINS: dict[str, dict[str, tuple[str, ...]]] = {
    "support": {
        "things": (
            "the invoice export", "my subscription", "two-factor login", "the mobile app", "the API key", "the webhook",
            "the CSV import", "single sign-on", "the billing address", "the calendar sync", "dark mode", "the trial",
        ),
        "facts": (
            "Since the update on Monday {x} stopped working for {n} of our users.",
            "{who} from {firm} reports that {x} shows an error after about {n} seconds.",
            "We pay for {n} seats but {x} is only offered to the owner of the account.",
            "The help page about {x} describes a button that we cannot find.",
            "I have already logged out, cleared the cookies and tried {y} instead.",
            "Order {n} was charged twice and nobody answered the first ticket.",
            "On Firefox {x} loads, on Safari the page stays white.",
            "Our administrator {who} changed {x} last week, and {y} broke the same day.",
            "The status page was green all the time while {x} was down.",
            "Please answer in writing, {firm} needs it for an audit.",
        ),
        "questions": (
            "How do I move {x} to another workspace?", "Why does {x} ask for my password every {n} minutes?",
            "Can {firm} get a refund for {x} bought {n} days ago?", "Is there a limit of {n} for {x}?",
            "We lost {x} after the migration, how do we get it back?", "Wie kann ich {x} für {n} Benutzer abschalten?",
            "¿Cómo cambio {x} sin perder {y}?", "Who may see {x} if {who} leaves the company?",
            "does {x} work with {y}?? it did not yesterday", "Where can {who} download {x} for the tax office?",
        ),
    },
    "legal": {
        "things": (
            "the limitation of liability", "the renewal term", "the assignment clause", "the notice period",
            "the indemnity", "the governing law", "the data processing annex", "the service credits", "the audit right",
            "the non-compete", "the payment term", "the force majeure clause",
        ),
        "facts": (
            "{firm} shall not assign this Agreement without prior written consent, save as set out in section {n}.",
            "Any claim under {x} must be notified within {n} days of discovery.",
            "The parties agree that {x} survives termination for {n} months.",
            "Supplier's aggregate liability is capped at {n} percent of the fees paid in the preceding year.",
            "Notices are to be addressed to {who}, with a copy to counsel of {firm}.",
            "Where {x} conflicts with {y}, the latter prevails.",
            "Customer may terminate for convenience upon {n} days' notice, {x} notwithstanding.",
            "Late payments bear interest at {n} basis points above the reference rate.",
            "{firm} warrants that it holds all rights needed to perform {x}.",
            "Schedule {n} lists the sub-processors approved at the date of signature.",
        ),
        "questions": (
            "Which clause deals with {x}, and is it mutual?", "Compare {x} with our playbook and list deviations.",
            "Can {firm} terminate early under {x}?", "Draft a counter-proposal for {x} with a cap of {n} percent.",
            "What happens to {x} if {firm} is acquired?", "Does {y} override {x}? Quote the wording.",
            "List every deadline of {n} days or less.", "Is {x} enforceable in Germany?",
        ),
    },
    "code": {
        "things": (
            "parse_header", "the retry queue", "SessionStore", "the migration 0042", "the rate limiter",
            "useCheckout()", "test_orders.py", "the S3 uploader", "OrderRepository", "the feature flag service",
            "the cron worker", "the GraphQL resolver",
        ),
        "facts": (
            "{x} is called from {n} places, two of them inside a transaction.",
            "FAILED tests/test_{n}.py::test_rounding - AssertionError: expected {n}, got None",
            "def handle_{n}(event):\n    store.put(event.id, event.body)\n    return store.flush()",
            "The lock around {x} is released before {y} has written its row.",
            "TypeError: cannot read property 'id' of undefined (at {x}, line {n})",
            "commit {n}: {who} moved {x} out of the request path",
            "WARN pool exhausted, {n} waiters on {x}",
            "{x} and {y} import each other, which works by accident of order.",
            "The benchmark of {x} went from {n} ms to twice as much after the upgrade.",
            "export const limit = {n}; // see {x}",
        ),
        "questions": (
            "Fix the failing test around {x}.", "Why does {x} deadlock with {y} under load?",
            "Refactor {x} so that {y} no longer imports it.", "Write a migration that renames {x} without downtime.",
            "Add a timeout of {n} ms to {x} and cover it with a test.", "Explain what {x} does before I delete it.",
            "Upgrade the dependency behind {x} and repair what breaks.", "Find where {x} leaks connections.",
        ),
    },
    "shop": {
        "things": (
            "walnut desk", "trail running shoes", "espresso machine", "linen duvet", "kids' bike", "rain jacket",
            "noise-cancelling headphones", "cast iron pan", "tent for four", "standing lamp", "smart scale", "yoga mat",
        ),
        "facts": (
            "The {x} from {firm} weighs {n} grams and ships within two days.",
            "Bought the {x} for my sister, the colour is darker than in the picture.",
            "After {n} washes the {y} looks like new, the zip feels cheap though.",
            "Returned it: the {x} was scratched and the manual missing.",
            "Material: recycled polyester, {n} percent elastane, made in Portugal.",
            "Great value. {who} recommends it with the {y}.",
            "The {x} is {n} mm wider than the old model and no longer fits the shelf.",
            "Delivery took {n} days, the parcel service left it in the rain.",
        ),
        "questions": (
            "waterproof {x} under {n} euros", "Is the {x} suitable for children?", "gift idea like {x} but cheaper",
            "Which {x} lasts longer, that of {firm} or that of Lumen Retail?", "{x} or {y} for a beginner",
            "Do you have the {x} in size {n}?", "best rated {x} with free returns", "replacement part for {x} {n}",
        ),
    },
    "finance": {
        "things": (
            "freight surcharge", "licence renewal", "consulting hours", "cloud hosting", "office rent", "travel costs",
            "translation services", "hardware lease", "insurance premium", "catering", "recruiting fee", "warehouse",
        ),
        "facts": (
            "INVOICE {n} from {firm}, due within 30 days, reference {x}.",
            "1 x {x} at {n}.00 EUR, VAT 19 percent, total {n}.90 EUR",
            "Ship to: {who}, Hafenstrasse {n}, 20457 Hamburg",
            "Credit note for {y}, see invoice {n} of last quarter.",
            "Bank details: IBAN DE{n} 3704 0044 0532 0130 00, {firm}",
            "Approved by {who}, cost centre {n}, category {x}.",
            "Balance carried forward {n}.12; {x} is disputed.",
            "Payment received late, interest of {n} cents waived by {who}.",
        ),
        "questions": (
            "What is still open with {firm}?", "Why did {x} rise by {n} percent?", "Match payment {n} to an invoice.",
            "Summarise the variance of {x} against {y}.", "Which vendor charged {x} twice?",
            "Prepare a reminder to {firm} about invoice {n}.", "Is {x} deductible this year?",
        ),
    },
    "news": {
        "things": (
            "the ferry strike", "the budget vote", "the flood defence", "the chip plant", "the transfer of the striker",
            "the vaccine trial", "the harbour tunnel", "the grain deal", "the data breach", "the film festival",
        ),
        "facts": (
            "Thousands gathered on Saturday to protest against {x}, the police counted {n} people.",
            "{firm} confirmed that {x} will cost {n} million more than planned.",
            "\"We were never asked,\" {who}, who lives near the site, told this paper.",
            "Analysts expect {x} to weigh on {y} until the spring.",
            "The ministry declined to comment on {x}, citing an investigation.",
            "In {n} similar cases the courts had ruled against the authorities.",
            "Shares of {firm} fell {n} points after reports about {x}.",
            "A decision on {y} is due next week, {who} said.",
        ),
        "questions": (
            "What changed about {x} this week?", "Give me the background of {x} in {n} words.",
            "Who profits from {x}?", "Write a neutral headline about {x}.", "How does {x} compare with {y}?",
        ),
    },
    "ops": {
        "things": (
            "checkout-api", "the ingest cluster", "node eu-{n}", "the primary database", "the CDN", "kafka lag",
            "certificate renewal", "the backup job", "the canary", "disk usage", "the DNS zone", "pod restarts",
        ),
        "facts": (
            "{x}: p95 latency {n} ms, error rate 0.{n} percent, no deploy in the last hour.",
            "ALERT {n} fired for {x}, acknowledged by {who}.",
            "{x} restarted {n} times, last exit code 137.",
            "Runbook: drain {y} before {x} is resized.",
            "lag on partition {n} is falling since the rebalance of {x}",
            "Terraform plan: 2 to add, {n} to change, 0 to destroy ({x})",
            "{who} rolled {x} back to build {n}.",
            "Snapshot of {y} finished, {n} GB.",
        ),
        "questions": (
            "Why is {x} slow since {n}:00?", "Is it safe to restart {x} now?", "Find the cause of alert {n} on {x}.",
            "Roll {x} back and watch {y}.", "Write the incident report for {x}.", "Resize {x} to {n} replicas.",
        ),
    },
}  # fmt: skip
DOMAINS = tuple(_DOMAINS)

ROLES = (
    "You are the {d} assistant of {firm}. Be brief, be kind, never guess a number.",
    "You help the {d} team of {firm}. Cite the paragraph that you rely on. If you do not know, say that you do not.",
    "Act as a senior {d} specialist. The reader is an expert in a hurry; begin with the answer.",
    "# Task\nYou work on {d} matters for {firm}.\n# Style\nPlain words, no bullet points unless asked.",
    "Du bist der {d}-Assistent von {firm}. Antworte in der Sprache des Kunden.",
)
OPENINGS = (
    "Short answer: ", "Yes. ", "Not quite. ", "Here is what I found. ", "", "", "Thanks for the details. ",
    "In short, ", "Good question. ", "After checking the record: ", "It depends. ", "Done. ",
)  # fmt: skip


class Texts:
    """Draw texts of one domain."""

    def __init__(self, draw: Random, domain: str | None = None) -> None:
        self.draw = draw
        self.domain = domain or draw.choice(DOMAINS)
        self._words = _DOMAINS[self.domain]
        things = self._words["things"]
        # two slots for things, which draw from different halves and so differ
        half = len(things) // 2
        self._values = {"x": things[:half], "y": things[half:], "who": NAMES, "firm": COMPANIES}

    def _filled(self, frame: str) -> str:
        return frame.format_map(self)

    def __getitem__(self, slot: str) -> str:
        """Fill one slot of a frame."""
        chance = self.draw.random()
        if slot == "n":
            return str(11 + int(chance * 9789))
        if slot == "d":
            return self.domain
        values = self._values[slot]
        value = values[int(chance * len(values))]
        return value.format_map(self) if "{" in value else value

    def fact(self) -> str:
        """Write one sentence."""
        facts = self._words["facts"]
        return self._filled(facts[int(self.draw.random() * len(facts))])

    def question(self) -> str:
        """Write what a user asks."""
        return self._filled(self.draw.choice(self._words["questions"]))

    def role(self) -> str:
        """Write a system prompt of a few lines."""
        return self._filled(self.draw.choice(ROLES)) + "\n" + " ".join(self.fact() for _ in range(3))

    def passage(self, tokens: int) -> str:
        """Write a document or a log of about this number of tokens."""
        parts, size = [], 0
        while size < tokens * 4:
            parts.append(self.fact())
            size += len(parts[-1]) + 1
        return " ".join(parts)

    def answer(self, tokens: int = 120) -> str:
        """Write what a model answers, of about this number of tokens."""
        return self.draw.choice(OPENINGS) + self.passage(tokens)

    def record(self, **fixed: Any) -> str:
        """Write a JSON object as an extraction returns it."""
        draw = self.draw
        fields = {
            "vendor": draw.choice(COMPANIES),
            "number": f"{draw.choice('ABR')}-{draw.randrange(10**5)}",
            "total": draw.randrange(10**6) / 100,
            "contact": draw.choice(NAMES),
            "items": [
                {"name": self._filled("{x}"), "count": draw.randrange(1, 9)} for _ in range(draw.randrange(1, 5))
            ],
        }
        return json.dumps(fields | fixed, ensure_ascii=False)

    def broken_record(self) -> str:
        """Write what an extraction returns when it is no JSON that a parser takes."""
        whole = self.record()
        return self.draw.choice(
            (
                whole[: self.draw.randrange(len(whole) // 2, len(whole) - 2)],
                "Sure! Here is the JSON you asked for:\n" + whole[:-1],
                whole.replace('"', "'"),
                whole[:-1] + ",}",
                "I could not find a total on this document. " + self.fact(),
            )
        )

    def hex(self, digits: int) -> str:
        """Write an identifier."""
        return f"{self.draw.getrandbits(4 * digits):0{digits}x}"


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has."""
    return max(1, round(len(text) / 4.1))
