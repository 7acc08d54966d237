//! The `dm-master` program. Everything is in the library; here are only the process's beginning and end.

use std::process::ExitCode;

fn main() -> ExitCode {
    dm_master::program::main()
}
