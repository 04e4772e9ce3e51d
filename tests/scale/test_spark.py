"""Spark: detectors that look within a trace run unchanged in applyInPandas, on calls grouped by whole traces."""

import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.frame import as_calls, frame_from_table, table_from_frame
from crashlens_frame.scale.scanner import stack_findings
from tests.support.reports import assert_same_findings

LOG = as_calls(cf.simulate_workload(300, seed=5, days=1).sample(frac=1, random_state=1).reset_index(drop=True))
KINDS = {"Int64": "long", "float64": "double", "datetime64[us, UTC]": "timestamp"}
SCHEMA = ", ".join(f"{column.name} {KINDS.get(column.dtype, 'string')}" for column in cf.FINDINGS)


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed; pip install pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed; apt-get install default-jre-headless")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(cf.__file__).parents[1]))
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says what it does not support of pandas, and leaves sockets open
        session = sql.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
        yield session
        session.stop()


def test_the_findings_of_spark_are_those_in_memory(spark: Any, tmp_path: Path) -> None:
    from pyspark.sql.functions import expr

    path = tmp_path / "log.parquet"
    LOG.assign(row=np.arange(len(LOG))).to_parquet(path)
    calls = spark.read.parquet(str(path)).withColumn("bucket", expr("pmod(hash(trace_id), 4)"))

    def waste(part: pd.DataFrame) -> pd.DataFrame:
        # the default rules look across traces, and weigh by the cost of the whole log, which no group has;
        # Spark loses the order of the rows, by which calls of one trace and time are told apart; and it can send texts
        # only as objects
        return cf.find_waste(part.sort_values("row"), rules="crashlens").astype("object")

    found = calls.groupBy("bucket").applyInPandas(waste, SCHEMA).toPandas()
    findings = frame_from_table(table_from_frame(found, cf.FINDINGS), cf.FINDINGS)
    assert len(findings) > 20
    assert_same_findings(stack_findings([findings]), cf.find_waste(LOG, rules="crashlens"))


def test_frames_as_spark_gives_them_are_calls() -> None:
    """Without Spark: texts are objects, whole numbers with a null among them are floats, times have nanoseconds."""
    given = LOG.astype(dict.fromkeys(LOG.select_dtypes(["category", "str"]), "object"))
    given = given.astype(dict.fromkeys(LOG.select_dtypes("Int64"), "float64"))
    given = given.assign(timestamp=given["timestamp"].astype("datetime64[ns, UTC]"))
    assert_same_findings(cf.find_waste(given), cf.find_waste(LOG))
    assert isinstance(given["prompt"].dtype, np.dtype)
    assert pd.api.types.is_float_dtype(given["input_tokens"])
