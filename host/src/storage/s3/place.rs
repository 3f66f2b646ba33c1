//! The location of files in an S3-compatible store, and the credentials for it.

use std::env;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, ensure};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::{BackoffConfig, RetryConfig};

use crate::storage::validate_blob_name;

/// Maximum time for making a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Maximum time without a byte from the store.
const READ_PAUSE: Duration = Duration::from_secs(30);
/// Maximum number of retries of a request that failed by the store's fault, and the time for all of them.
const RETRIES_MAX: usize = 3;
const RETRY_TIME: Duration = Duration::from_secs(10);
/// Maximum length of a prefix. The rest of the 1,024 bytes of a key is left for project and name.
const PREFIX_BYTES_MAX: usize = 200;
/// Variables that supply credentials: keys of a user, or the role of a container or of a pod.
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/// A location: a part of a bucket. It is parsed from `s3://bucket` or `s3://bucket/prefix`, and the other
/// fields then come from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket's name. The bucket must exist.
    pub bucket: String,
    /// The prefix of all keys, without a `/` at its ends; empty: no prefix.
    pub prefix: String,
    /// The URL of the service, `http` or `https`. `None`: `AWS_ENDPOINT_URL` if `keys` is `None` too, else
    /// AWS.
    pub endpoint: Option<String>,
    /// The region. `None`: `AWS_REGION` if `keys` is `None` too, else `us-east-1`.
    pub region: Option<String>,
    /// The credentials. `None`: those of the environment. These are `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or the roles that containers and pods have there.
    pub keys: Option<S3Keys>,
}

/// A user's credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Keys {
    /// The id of the key; not secret.
    pub id: String,
    /// The secret. It is not shown and not logged.
    pub secret: String,
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => Ok(()),
        }
    }
}

impl FromStr for S3Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return Err("not of the form s3://bucket[/prefix]".to_owned());
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(fits) {
            return Err(format!("`{bucket}` is no name of a bucket"));
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.is_empty() && validate_blob_name(prefix).is_err() {
            return Err(format!("`{prefix}` cannot begin the keys of files"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: None,
            keys: None,
        })
    }
}

impl S3Location {
    /// Fills in absent fields from the environment. Fails when it has no credentials.
    pub(super) fn completed(mut self) -> anyhow::Result<Self> {
        if self.keys.is_none() {
            ensure!(
                CREDENTIALS.iter().any(|name| variable(name).is_some()),
                "there are no credentials for {self}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            );
            ensure!(
                variable("AWS_ACCESS_KEY_ID").is_none() || variable("AWS_SECRET_ACCESS_KEY").is_some(),
                "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"
            );
            self.endpoint = self.endpoint.or_else(|| ENDPOINTS.into_iter().find_map(variable));
        }
        if let Some(endpoint) = &mut self.endpoint {
            let address: http::Uri = endpoint.parse().with_context(|| format!("{endpoint} is no address"))?;
            ensure!(
                matches!(address.scheme_str(), Some("http" | "https")) && address.query().is_none(),
                "the address {endpoint} is not of the form https://host[:port]"
            );
            endpoint.truncate(endpoint.trim_end_matches('/').len());
        }
        Ok(self)
    }

    /// Connects to a completed location. Also returns an HTTP client for requests that the first client does
    /// not offer.
    pub(super) fn connect(&self) -> anyhow::Result<(AmazonS3, HttpClient)> {
        // Fails when the embedder has installed a provider already, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = match &self.keys {
            Some(keys) => AmazonS3Builder::new()
                .with_access_key_id(&keys.id)
                .with_secret_access_key(&keys.secret),
            None => AmazonS3Builder::from_env(),
        };
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        let options = self.client_options();
        let http = ReqwestConnector::default().connect(&options)?;
        let store = builder
            .with_bucket_name(&self.bucket)
            .with_client_options(options)
            .with_retry(retries())
            .build()?;
        Ok((store, http))
    }

    fn client_options(&self) -> ClientOptions {
        let plain = self
            .endpoint
            .as_ref()
            .is_some_and(|endpoint| endpoint.starts_with("http://"));
        ClientOptions::new()
            .with_allow_http(plain)
            .with_no_system_certificates(plain)
            // A transfer may take hours, as long as its bytes move.
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_TIME)
            .with_read_timeout(READ_PAUSE)
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: std::time::Duration::from_millis(100),
            max_backoff: std::time::Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIME,
    }
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        let parsed = |text: &str| {
            let place: S3Location = text.parse().unwrap();
            (place.bucket, place.prefix)
        };
        for (text, bucket, prefix) in [
            ("s3://models", "models", ""),
            ("s3://models/", "models", ""),
            ("s3://my.models/a/b/", "my.models", "a/b"),
        ] {
            assert_eq!(parsed(text), (bucket.to_owned(), prefix.to_owned()), "{text}");
        }
        let long = format!("s3://models/{}", "x".repeat(201));
        for bad in [
            "",
            "models",
            "s3:/models",
            "s3://",
            "s3://a",
            "s3://a b/c",
            "s3://models//a",
            "s3://models/../a",
            &long,
        ] {
            assert!(bad.parse::<S3Location>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let keys = S3Keys {
            id: "GK1".into(),
            secret: "hidden".into(),
        };
        let shown = format!("{keys:?}");
        assert!(shown.contains("GK1") && !shown.contains("hidden"), "{shown}");
    }
}
