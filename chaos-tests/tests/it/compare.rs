//! The data set is the same everywhere, and the comparison finds a change of one bit.

use std::time::Duration;

use anyhow::Result;
use chaos_tests::demo::{DataSet, Writer, WriterOptions, compare};
use chaos_tests::lab::{Database, Kind};

#[tokio::test]
async fn two_servers_hold_the_same_data_set() -> Result<()> {
    let (left, right) = tokio::try_join!(
        Database::start(Kind::Mysql97),
        Database::start(Kind::Mariadb118)
    )?;
    let data = DataSet::new("", 0.05, 7);
    tokio::try_join!(data.create(left.endpoint()), data.create(right.endpoint()))?;
    let report = compare(left.endpoint(), right.endpoint(), &data.pairs()).await?;
    assert!(report.identical(), "{report}");
    assert!(report.rows() > 10_000);

    for (statement, expected) in [
        (
            "UPDATE shop_catalog.every_type SET c_bit64 = c_bit64 ^ 1 WHERE id = 7",
            "[id=7]",
        ),
        (
            "DELETE FROM shop_ops.clicks LIMIT 1",
            "1 rows only at the source, 0 only at the target",
        ),
        (
            "UPDATE shop_catalog.products SET attributes = JSON_SET(attributes, '$.n', 'x') WHERE id = 5",
            "[id=5]",
        ),
        (
            "ALTER TABLE shop_ops.settings ADD COLUMN more INT",
            "only the target has a column more",
        ),
        (
            "DROP TABLE shop_sales.payments",
            "the target has no such table",
        ),
    ] {
        right.exec(&[statement]).await?;
        let report = compare(left.endpoint(), right.endpoint(), &data.pairs()).await?;
        assert_eq!(report.verdict(), "DIFFERENT");
        assert!(
            report.to_string().contains(expected),
            "{statement}: {report}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_load_goes_on_and_stops() -> Result<()> {
    let source = Database::start(Kind::Mysql97).await?;
    let data = DataSet::new("", 0.05, 7);
    data.create(source.endpoint()).await?;
    let time_max = Duration::from_secs(60);
    let options = WriterOptions {
        rate: 400,
        time_max,
        seed: 1,
        scale: 0.05,
        ddl: true,
    };
    let writer = Writer::start(source.endpoint(), &data, options).await?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let counts = writer.stop().await?;
    assert!(counts.transactions > 400, "{counts:?}");
    assert_eq!(counts.ddl, 1);
    Ok(())
}
