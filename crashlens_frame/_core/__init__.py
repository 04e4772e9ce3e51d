"""Tools that know nothing of calls: equal keys, threads, locks, sums, progress bars, names of files, YAML files."""

from .draws import Seed, random_draws
from .groups import (
    byte_lengths,
    codes_and_labels,
    first_equal,
    group_starts,
    hash_keys,
    in_large_groups,
    joint_codes,
    share_bucket,
    stable_order,
    take_texts,
    text_keys,
    trimmed_lengths,
)
from .locks import fork_safe_lock
from .parallel import parallel_map, run_together
from .paths import access_error, check_path, file_errors
from .progress import progress_bar, progress_of_files
from .scratch import scratch_folder
from .sums import exact_sum, exact_sums
from .yaml_file import Node, YamlReader, node_kind, yaml_text

__all__ = [
    "Node",
    "Seed",
    "YamlReader",
    "access_error",
    "byte_lengths",
    "check_path",
    "codes_and_labels",
    "exact_sum",
    "exact_sums",
    "file_errors",
    "first_equal",
    "fork_safe_lock",
    "group_starts",
    "hash_keys",
    "in_large_groups",
    "joint_codes",
    "node_kind",
    "parallel_map",
    "progress_bar",
    "progress_of_files",
    "random_draws",
    "run_together",
    "scratch_folder",
    "share_bucket",
    "stable_order",
    "take_texts",
    "text_keys",
    "trimmed_lengths",
    "yaml_text",
]
