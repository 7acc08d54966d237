//! The version block that every program prints for `-V` and serves in `/status`.
//!
//! The build facts come from the environment of the build (`DM_GIT_HASH`, `DM_GIT_BRANCH`, `DM_BUILD_TIME`), not from a build
//! script that reads the repository: that would rebuild everything after each commit.

/// Release version, with the leading `v` that scripts for DM expect.
pub const RELEASE: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// One `key: value` per line, each line ended.
pub fn block() -> String {
    let fact = |value: Option<&'static str>| value.unwrap_or("None");
    format!(
        "Release Version: {RELEASE}\nGit Commit Hash: {}\nGit Branch: {}\nUTC Build Time: {}\nRust Version: {}\nFailpoint Build: false\n",
        fact(option_env!("DM_GIT_HASH")),
        fact(option_env!("DM_GIT_BRANCH")),
        fact(option_env!("DM_BUILD_TIME")),
        env!("DM_RUSTC"),
    )
}
