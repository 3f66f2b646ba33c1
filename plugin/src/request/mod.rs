//! Requests and responses as endpoints see them. No module here knows routes or WIT.

pub mod body;
pub mod call;
pub mod json;
pub mod multipart;
pub mod params;
pub mod range;
pub mod response;
pub mod site;
