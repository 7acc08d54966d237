/// What the upstream's binlog holds: many transactions of one shape on sysbench's table.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Workload {
    /// Rows of the table before.
    pub(in crate::bench) seed_rows: u64,
    /// Row changes of a transaction.
    pub(in crate::bench) rows_per_transaction: u64,
    /// Statements of a transaction in MariaDB's procedural SQL, `{rows}` being `seed_rows`; the variables `v1`, `v2`, `v3` are free.
    pub(in crate::bench) transaction: &'static str,
    /// Row changes in all, on a target in memory.
    pub(in crate::bench) rows: u64,
    /// The same on a disk, where the reference waits for syncs.
    pub(in crate::bench) rows_on_disk: u64,
}

/// sysbench's table; about 190 bytes a row.
pub(in crate::bench) const TABLE: &str = "CREATE TABLE bench.sbtest1 (id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, \
    c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY k_1 (k)) ENGINE=InnoDB";

/// A table for rows of any size.
pub(in crate::bench) const WIDE: &str =
    "CREATE TABLE bench.wide (id INT NOT NULL PRIMARY KEY, body LONGBLOB NOT NULL) ENGINE=InnoDB";

/// A value of column `c`, in sysbench's form: ten groups of eleven digits.
pub(in crate::bench) const C: &str =
    "REPEAT(CONCAT(LPAD(FLOOR(RAND() * 99999999999), 11, '0'), '-'), 10)";

/// A value of column `pad`: five groups.
pub(in crate::bench) const PAD: &str =
    "REPEAT(CONCAT(LPAD(FLOOR(RAND() * 99999999999), 11, '0'), '-'), 5)";

impl Workload {
    /// The statement that runs `transactions` of them, each committed by itself.
    pub(super) fn compound(&self, transactions: u64) -> String {
        let body = self
            .transaction
            .replace("{rows}", &self.seed_rows.to_string())
            .replace("{c}", C)
            .replace("{pad}", PAD);
        format!(
            "BEGIN NOT ATOMIC DECLARE n, v1, v2, v3 INT DEFAULT 0; \
             WHILE n < {transactions} DO SET n = n + 1; {body} END WHILE; END"
        )
    }
}
