//! The parsers and evaluators of searches. No module here knows WIT, HTTP or JSON.
//!
//! `lex` splits a text into tokens, and `name` reads the name of a field. `parse` makes a filter of them and
//! `order` an order, both by a `schema`. `bounds` derives the values that an order can have on a page, and
//! `cursor` writes page tokens. `runs`, `experiments`, `logged_models`, `models`, `versions` and `traces` hold the
//! schemas. `mistake` says where a filter cannot be read, `problem` why.

pub mod bounds;
pub mod comparator;
pub mod cursor;
pub mod experiments;
pub mod filter;
mod lex;
pub mod like;
pub mod logged_models;
pub mod mistake;
pub mod models;
mod name;
pub mod order;
mod parse;
pub mod problem;
pub mod prompts;
pub mod regex;
pub mod runs;
pub mod schema;
pub mod traces;
pub mod versions;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod grammar;
#[cfg(test)]
mod roundtrip;
