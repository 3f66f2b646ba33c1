//! The building blocks of mlforge's pages. The component renders the pages of a project with them, and the host those of
//! the server.
//!
//! A page is a value of `maud::Markup`. Its macro escapes every text that it interpolates. No file here or in a page may use
//! `PreEscaped`, the only way around that: a test holds this.

pub mod assets;
pub mod chart;
pub mod frame;
pub mod icon;
pub mod language;
pub mod link;
pub mod markdown;
pub mod number;
pub mod time;
pub mod words;

pub use language::Language;
pub use words::Words;
