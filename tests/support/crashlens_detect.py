"""Run the real CrashLens past its gate: parser, four detectors as ``scan`` builds them, suppression.

Runs in the environment of CrashLens, not in that of the package: ``python crashlens_detect.py LOG`` prints JSON.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from crashlens.cli import SuppressionEngine, load_suppression_config
from crashlens.detectors.fallback_failure import FallbackFailureDetector
from crashlens.detectors.fallback_storm import FallbackStormDetector
from crashlens.detectors.overkill_model_detector import OverkillModelDetector
from crashlens.detectors.retry_loops import RetryLoopDetector
from crashlens.parsers.langfuse import LangfuseParser

# the thresholds that scan takes from the packaged settings
DETECTORS = {
    "retry_loops": RetryLoopDetector(max_retries=3, time_window_minutes=5, max_retry_interval_minutes=2),
    "fallback_storms": FallbackStormDetector(min_calls=3, min_models=2, max_trace_window_minutes=3),
    "fallback_failures": FallbackFailureDetector(time_window_seconds=300),
    "overkill_models": OverkillModelDetector(max_prompt_tokens=20, max_prompt_chars=150),
}
NUMBER_OF_CALLS = {"retry_loops": "retry_count", "fallback_storms": "num_calls"}
OTHERWISE = {"fallback_failures": 2, "overkill_models": 1}


def main(log: Path) -> dict[str, object]:
    parser, suppression = LangfuseParser(), SuppressionEngine(load_suppression_config(None))
    with contextlib.redirect_stdout(io.StringIO()):
        traces = parser.parse_file(log)
        found, active, raised = {}, {}, {}
        for name, detector in DETECTORS.items():
            try:
                findings = detector.detect(traces)
            except Exception as error:  # scan goes on as well
                findings, raised[name] = [], str(error)
            found[name] = [_told(name, finding) for finding in findings]
            kept = suppression.process_detections(type(detector).__name__, findings)
            active[name] = [_told(name, finding) for finding in kept]
    return {"found": found, "active": active, "raised": raised}


def _told(name: str, finding: dict[str, object]) -> list[object]:
    number = finding[NUMBER_OF_CALLS[name]] if name in NUMBER_OF_CALLS else OTHERWISE[name]
    cost = finding["waste_cost"] / 0.7 if name == "overkill_models" else finding["waste_cost"]
    return [finding["trace_id"], number, finding["severity"], cost]


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
