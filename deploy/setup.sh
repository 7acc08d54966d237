#!/usr/bin/env bash
# Prepares this machine: system packages that are missing, the database servers of the tests, and the build.
#
#     deploy/setup.sh [--packages] [--databases] [--build [CARGO-ARGUMENTS...]]
#
# Without arguments: all three. What is there is skipped, so it may run before every use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"

say() { echo "setup: $*" >&2; }

# One line per need: a program or file, and the Debian package that has it.
needs() {
    cat <<'NEEDS'
clang clang
/usr/lib/llvm-*/lib/libclang*.so* libclang-dev
cc gcc
make make
ccache ccache
pkg-config pkg-config
/usr/include/openssl/ssl.h libssl-dev
python3 python3
xz xz-utils
gpgv gpgv
/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
/etc/ssl/certs/ca-certificates.crt ca-certificates
curl curl
ip iproute2
NEEDS
}

there() { # program or file pattern
    case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "needs root, and sudo is not here; run as root: $*"
        exit 1
    fi
}

packages() {
    local need package missing=()
    while read -r need package; do
        there "$need" || missing+=("$package")
    done < <(needs)
    if [ ${#missing[@]} -gt 0 ]; then
        say "installing ${missing[*]}"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    fi
    command -v cargo >/dev/null || {
        say "no Rust here: install rustup (https://rustup.rs); rust-toolchain.toml names the version"
        exit 1
    }
}

build() {
    say "building into $CARGO_TARGET_DIR (the first time takes minutes: RocksDB)"
    (cd "$here/.." && cargo build --workspace --bins "$@")
}

[ $# -gt 0 ] || set -- --packages --databases --build --release
while [ $# -gt 0 ]; do
    case $1 in
    --packages) packages ;;
    --databases) "$here/databases.sh" all ;;
    --build)
        shift
        build "$@"
        break
        ;;
    *)
        say "unknown argument $1"
        exit 2
        ;;
    esac
    shift
done
