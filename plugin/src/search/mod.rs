//! How searches are asked for. Nothing here knows of WIT, HTTP or JSON.
//!
//! `lex` cuts a text into tokens, `parse` makes a filter's comparisons of them, `name` reads what is compared, for whatever `language` says can be
//! searched; `order` does the same for `order_by`, and `bounds` says what of an order can be on a page. `runs`, `experiments`, `logged`, `models` and `versions`
//! say what their things can be asked for.

pub mod bounds;
pub mod cursor;
pub mod experiments;
pub mod filter;
mod lex;
pub mod like;
pub mod logged_models;
pub mod models;
mod name;
pub mod order;
mod parse;
pub mod prompts;
pub mod runs;
pub mod schema;
pub mod versions;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod grammar;
#[cfg(test)]
mod roundtrip;
