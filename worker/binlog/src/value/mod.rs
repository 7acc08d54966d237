//! Column values, and the decoders of those that are more than an integer or a slice.

mod decimal;
mod double;
mod json;
mod json_opaque;
pub(crate) mod temporal;
#[allow(
    clippy::module_inception,
    reason = "the folder's main type stands in the file named after it"
)]
mod value;

pub(crate) use decimal::DecimalShape;
pub use json::JSON_DEPTH_MAX;
pub(crate) use json::json_text;
pub(crate) use temporal::Fraction;
pub use value::Value;
