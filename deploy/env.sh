# Sourced by the scripts: one build folder and one compiler cache for all clones on this machine.
# The compiler is fixed because the cc crate rebuilds RocksDB whenever CC or CXX changes.
export DM_CACHE_DIR="${DM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-rs}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$DM_CACHE_DIR/target}"
export CCACHE_DIR="${CCACHE_DIR:-$DM_CACHE_DIR/ccache}"
export CC="ccache clang" CXX="ccache clang++"
# Paths differ between clones and profiles; hash what is compiled, not where.
export CCACHE_BASEDIR="$CARGO_TARGET_DIR" CCACHE_NOHASHDIR=1
