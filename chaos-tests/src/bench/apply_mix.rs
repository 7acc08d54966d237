//! sysbench's write_only: a DELETE, an INSERT of the same key and two UPDATEs in a transaction.

use anyhow::Result;

use super::race::{Settings, Workload, race};
use super::{Measured, Options};
use crate::lab::Medium;

const WORKLOAD: Workload = Workload {
    seed_rows: 100_000,
    rows_per_transaction: 4,
    transaction: "SET v1 = 1 + FLOOR(RAND() * {rows}), v2 = 1 + (v1 + FLOOR(RAND() * ({rows} - 2))) MOD {rows}, \
        v3 = 1 + v2 MOD {rows}; IF v3 = v1 THEN SET v3 = 1 + v3 MOD {rows}; END IF; START TRANSACTION; \
        UPDATE bench.sbtest1 SET k = k + 1 WHERE id = v2; UPDATE bench.sbtest1 SET c = {c} WHERE id = v3; \
        DELETE FROM bench.sbtest1 WHERE id = v1; \
        INSERT INTO bench.sbtest1 (id, k, c, pad) VALUES (v1, FLOOR(RAND() * {rows}), {c}, {pad}); COMMIT;",
    rows: 400_000,
    rows_on_disk: 80_000,
};

pub(super) async fn measure(medium: Medium, options: &Options) -> Result<Measured> {
    let name = match medium {
        Medium::Memory => "apply-mix",
        Medium::Disk => "apply-mix-disk",
    };
    let settings = Settings {
        name,
        workload: WORKLOAD,
        medium,
    };
    race(settings, options).await
}
