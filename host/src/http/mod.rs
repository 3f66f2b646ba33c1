//! The host's side of HTTP: URLs, bodies, errors and the access log.

pub(crate) mod access_log;
pub(crate) mod base_url;
pub(crate) mod client_address;
pub(crate) mod collect;
pub(crate) mod error;
pub(crate) mod request_body;
pub(crate) mod request_id;
pub(crate) mod request_metrics;
pub(crate) mod response_body;
pub(crate) mod route_class;
pub(crate) mod route_name;
pub(crate) mod router;
pub(crate) mod ui_files;
