//! Tests of the store from outside.

mod damage;
mod power;
mod reopen;
mod suite;
mod support;
