//! The short forms of the soaks; the long ones are `chaos-tests soak NAME --minutes N`.

use anyhow::Result;
use chaos_tests::lab::{Role, Server};
use chaos_tests::skip;
use chaos_tests::soak::{Name, Options, run};

const SHORT_MINUTES: f64 = 0.5;
const LONG_MINUTES: f64 = 10.0;

#[tokio::test(flavor = "multi_thread")]
async fn soak_apply() -> Result<()> {
    if Server::given(Role::Target)?.is_some() || Server::given(Role::Source)?.is_some() {
        skip!("soak_apply", "a given server is not ours to kill");
    }
    let long = std::env::var("DM_SOAK").is_ok_and(|value| value == "1");
    run(&Options {
        name: Name::Apply,
        minutes: if long { LONG_MINUTES } else { SHORT_MINUTES },
        seed: None,
        lanes: None,
    })
    .await
}
