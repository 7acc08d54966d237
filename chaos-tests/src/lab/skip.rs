use std::io::Write;

/// Prints `SKIPPED name: why` on the real standard error, which the test harness does not capture.
pub fn say_skipped(name: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}

/// Ends the test function with `SKIPPED name: why`, for what a given server or machine can't do.
///
/// `skip!("r31_waits", "needs root")` returns `Ok(())`.
#[macro_export]
macro_rules! skip {
    ($name:expr, $($why:tt)*) => {{
        $crate::lab::say_skipped($name, &format!($($why)*));
        return Ok(());
    }};
}
