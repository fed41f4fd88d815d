"""Compile every model and test for BigQuery, without a project or a network, and read the result as BigQuery's SQL.

`make bigquery` runs this in an environment of its own: BigQuery's adapter is
heavy, and the product does not need it. What is compiled is not run; only a
real project can do that.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import sqlglot
from sqlglot import exp

PROJECT = Path(__file__).resolve().parent
TARGET = PROJECT / "target" / "bigquery"
# What sqlglot has no class for, and BigQuery does have.
KNOWN_FUNCTIONS = {"TO_JSON_STRING", "JSON_VALUE", "OFFSET"}
# DuckDB's and no one else's: sqlglot reads them, BigQuery would not.
FOREIGN = re.compile(
    r"::|\b(varchar|double|hugeint|asof|exclude)\b|\b(median|epoch|filter)\s*\(|\bdate_trunc\(\s*'", re.IGNORECASE
)
# Comments, and texts: what they say is nobody's SQL.
UNREAD = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'", re.DOTALL)


def main() -> int:
    """Compile, read, and say what is wrong; 0 where nothing is."""
    # What an earlier run compiled and this one does not is no evidence.
    shutil.rmtree(TARGET / "compiled", ignore_errors=True)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "--no-populate-cache", "compile",
         "--no-introspect",
         "--target", "bigquery", "--exclude", "test_type:unit",
         "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(TARGET),
         "--log-path", str(TARGET)],
        env={**os.environ, "DBT_BIGQUERY_METHOD": "oauth-secrets", "DBT_BIGQUERY_TOKEN": "none", "DO_NOT_TRACK": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout)
        return 1
    files = sorted((TARGET / "compiled").rglob("*.sql"))
    problems = [f"{path.relative_to(TARGET)}: {problem}" for path in files for problem in problems_of(path.read_text())]
    print("\n".join(problems))
    print(f"{len(files)} statements compiled for BigQuery, {len(problems)} problems")
    return 1 if problems or not files else 0


def problems_of(sql: str) -> list[str]:
    """What BigQuery would not take in a statement, as far as a parser can tell."""
    try:
        statement = sqlglot.parse_one(sql, dialect="bigquery")
    except sqlglot.ParseError as error:
        return [str(error).splitlines()[0]]
    unknown = {function.name.upper() for function in statement.find_all(exp.Anonymous)} - KNOWN_FUNCTIONS
    found = [f"function {name} is not BigQuery's" for name in sorted(unknown)]
    bare = UNREAD.sub(lambda each: "''" if each[0][0] == "'" else "", sql)
    return found + [f"{each[0]!r} is DuckDB's" for each in FOREIGN.finditer(bare)]


if __name__ == "__main__":
    sys.exit(main())
