"""Tables with columns of a user's own: ids for calls that have none, and ``extra`` for what has no column."""

import pandas as pd


def with_trace_ids(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with trace ids: those that it has, its event ids, or ids made from the rows."""
    if "trace_id" in df.columns and (len(df) == 0 or df["trace_id"].notna().any()):
        return df
    texts = df.astype("str") if len(df.columns) else df
    numbers = pd.util.hash_pandas_object(texts, index=False).to_numpy()
    made = [f"{number:016x}-{row}" for row, number in enumerate(numbers)]
    ids = pd.Series(made, index=df.index, dtype="str")
    if "event_id" in df.columns:
        ids = df["event_id"].astype("str").where(df["event_id"].notna(), ids)
    return df.assign(trace_id=ids)


def folded_extra(df: pd.DataFrame, unknown: list[str]) -> pd.Series:
    """Return ``extra`` with the columns that CALLS does not name added to it."""
    lines = df[unknown].to_json(orient="records", lines=True, date_format="iso").splitlines()
    new = pd.Series(lines, index=df.index, dtype="str")
    if "extra" not in df.columns:
        return new
    old = df["extra"].astype("str")
    return new.where(old.isna() | (old == "{}"), old.str[:-1] + "," + new.str[1:])
