//! Compiles the contracts without protoc, and keeps their descriptors for the JSON rendering.

use std::{env, fs, path::Path, process::Command};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "proto/dmworker.proto",
        "proto/dmmaster.proto",
        "proto/dm_v1.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("descriptors.bin"),
        descriptors.encode_to_vec(),
    )?;
    // Names let a generated type find its descriptor.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    println!("cargo:rustc-env=DM_RUSTC={}", rustc_version()?);
    Ok(())
}

/// Shown by `-V`, in place of DM's Go version.
fn rustc_version() -> Result<String, Box<dyn std::error::Error>> {
    let output = Command::new(env::var("RUSTC")?).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split_whitespace()
        .nth(1)
        .unwrap_or("unknown")
        .to_owned())
}
