//! Requests and responses as endpoints see them. No module here knows routes or WIT.

pub mod archive;
pub mod body;
pub mod call;
pub mod file_response;
pub mod file_treatment;
pub mod json;
pub mod json_list;
pub mod json_value;
pub mod media_type;
pub mod multipart;
pub mod params;
pub mod range;
pub mod response;
pub mod site;
pub mod tar;
pub mod trace_file;
