//! Tests of the store from outside.

mod damage;
mod reopen;
mod suite;
mod support;
