//! A request and its response as endpoints see them. Knows neither routes nor WIT.

pub mod body;
pub mod call;
pub mod json;
pub mod params;
pub mod range;
pub mod response;
