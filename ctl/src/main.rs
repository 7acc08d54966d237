//! The `dmctl` program; everything is in the library.

use std::process::ExitCode;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    dmctl::run(std::env::args_os()).await
}
