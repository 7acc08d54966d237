//! Black-box tests of the decoder, by scenario:
//! - [`golden`]: binlogs of real servers, folded and compared with what SELECT said (fixtures/);
//! - [`columns`], [`events`], [`json`], [`packed`], [`rows`], [`transactions`]: vectors made from the documented formats;
//! - [`damage`]: every truncation and many mutations of all of the above.

mod build;
mod columns;
mod damage;
mod events;
mod fold;
mod golden;
mod json;
mod packed;
mod render;
mod rows;
mod transactions;
