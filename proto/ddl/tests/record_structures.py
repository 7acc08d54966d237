#!/usr/bin/env python3
"""Records what real servers make of DDL, as data of the test `recorded`.

    record_structures.py SERVER SOCKET CLIENT... [--random N --seed S]

Runs each case of it/data/cases.sql (blank line between cases, one statement per line), and N random ones,
in a database of its own, and prints one JSON object per case: the statements that the server accepted, and
SHOW CREATE TABLE of every table afterwards. CLIENT is the command of a mysql client.
"""
import argparse, json, pathlib, random, subprocess, sys

TYPES = ["INT", "BIGINT UNSIGNED", "TINYINT(1)", "SMALLINT(4) ZEROFILL", "DECIMAL(8,3)", "NUMERIC", "FLOAT", "FLOAT(30)",
         "DOUBLE(9,2)", "BIT(5)", "YEAR", "DATE", "TIME(2)", "DATETIME(6)", "TIMESTAMP NULL", "TIMESTAMP", "CHAR(7)", "VARCHAR(20)",
         "VARCHAR(20) BINARY", "VARCHAR(9) CHARACTER SET utf8mb4", "CHAR(5) COLLATE utf8mb4_bin", "NCHAR(4)", "TINYTEXT", "TEXT",
         "TEXT(90)", "MEDIUMTEXT", "LONGTEXT", "BINARY(4)", "VARBINARY(8)", "BLOB", "BLOB(300)", "ENUM('a','b')", "SET('x','y')",
         "CHAR(3) CHARACTER SET binary", "LONG VARCHAR", "BOOL"]
ATTRIBUTES = ["", "", "", " NOT NULL", " NULL", " DEFAULT NULL", " COMMENT 'it''s, (x)'", " UNIQUE"]
NAMES = list("abcdefg")


def name(r):
    return r.choice([str.lower, str.lower, str.upper])(r.choice(NAMES))


def column(r):
    return r.choice(TYPES) + r.choice(ATTRIBUTES)


def parts(r):
    return ", ".join(n + r.choice(["", "", "(3)", " DESC"]) for n in r.sample(NAMES, r.randint(1, 2)))


def key(r):
    kind = r.choice(["KEY", "INDEX", "UNIQUE", "UNIQUE KEY", "PRIMARY KEY", "CONSTRAINT k%d UNIQUE" % r.randint(1, 3)])
    named = r.choice(["", "", " k%d" % r.randint(1, 3)]) if not kind.startswith("PRIMARY") else ""
    return f"{kind}{named} ({parts(r)})"


def clause(r):
    place = r.choice(["", "", " FIRST", f" AFTER {name(r)}"])
    n, m = name(r), name(r)
    return r.choice([f"ADD {n} {column(r)}{place}", f"ADD COLUMN {n} {column(r)}{place}", f"MODIFY {n} {column(r)}{place}",
                     f"CHANGE {n} {m} {column(r)}{place}", f"DROP {n}", f"DROP COLUMN {n}", f"ADD {key(r)}", f"DROP KEY k{r.randint(1, 3)}",
                     f"DROP KEY {n}", "DROP PRIMARY KEY", f"ALTER {n} SET DEFAULT 1", f"ALTER {n} DROP DEFAULT",
                     f"RENAME COLUMN {n} TO {m}", f"RENAME INDEX k{r.randint(1, 3)} TO k{r.randint(1, 3)}", f"ADD ({n} INT, {m} CHAR(3))",
                     r.choice(["CONVERT TO CHARACTER SET utf8mb4", "CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin",
                               "DEFAULT CHARSET gbk", "COLLATE utf8mb4_bin"]), "ALGORITHM=COPY", "FORCE"])


def random_case(r):
    columns = [f"{n} {column(r)}" for n in r.sample(NAMES, r.randint(2, 6))]
    items = columns + [key(r) for _ in range(r.randint(0, 2))]
    options = r.choice(["", "", " CHARSET utf8mb4", " COLLATE utf8mb4_bin", " CHARACTER SET utf8"])
    out = [f"CREATE TABLE t ({', '.join(items)}){options}"]
    out += [f"ALTER TABLE t {', '.join(clause(r) for _ in range(r.choice([1, 1, 2, 3])))}" for _ in range(8)]
    return out


def run(client, text):
    done = subprocess.run(client, input=text.encode(), capture_output=True)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if not lines:
        sys.exit(done.stderr.decode())
    unescape = lambda s: s.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")
    return [[unescape(field) for field in line.split("\t")] for line in lines]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("client", nargs="+")
    args.add_argument("--random", type=int, default=0)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    client = args.client + ["--force", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]
    text = (pathlib.Path(__file__).parent / "it/data/cases.sql").read_text()
    cases = [block.splitlines() for block in text.split("\n\n") if block.strip()]
    cases = [[line for line in case if not line.startswith("-- ")] for case in cases]
    r = random.Random(args.seed)
    cases += [random_case(r) for _ in range(args.random)]
    script = ["SET sql_mode='', foreign_key_checks=0;", "SELECT 'version', version();"]
    for at, case in enumerate(cases):
        script.append(f"CREATE DATABASE c{at} CHARACTER SET latin1; USE c{at};")
        for number, statement in enumerate(case):
            script.append(f"{statement};\nSELECT 'ran', {at}, {number}, @@error_count;")
    rows = run(client, "\n".join(script))
    print(json.dumps({"version": rows[0][1]}))
    accepted = {}
    for _, at, number, errors in rows[1:]:
        if errors == "0":
            accepted.setdefault(int(at), []).append(cases[int(at)][int(number)])
    listed = run(client, "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema REGEXP '^c[0-9]+$';")
    shows = run(client, "\n".join(f"SELECT '{s}'; SHOW CREATE TABLE `{s}`.`{t}`;" for s, t in listed))
    tables = {}
    for (schema,), (table, show) in zip(shows[::2], shows[1::2]):
        tables.setdefault(int(schema[1:]), {})[table] = show
    for at in sorted(accepted):
        print(json.dumps({"statements": accepted[at], "tables": tables.get(at, {})}, ensure_ascii=False))
    run(client, "\n".join(f"DROP DATABASE c{at};" for at in range(len(cases))) + "SELECT 1;")


main()
