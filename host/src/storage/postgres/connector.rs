//! Connections: TLS, the settings of a session, and the kinds of failures.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresAddress;
use super::schema;
use crate::storage::StorageError;

/// Maximum time for making a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time after which a connection whose other end acknowledges nothing is given up.
const UNACKNOWLEDGED_TIME: Duration = Duration::from_secs(10);
/// Idle time after which a connection is probed.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);

/// Settings of a session, for PostgreSQL and engines that call themselves so.
///
/// Without the first line, a plan that was made while a table was empty scans a whole project until the table is analyzed.
/// The times bound how long a host that is cut off can hold the lock of a project.
const SETTINGS: &str = "
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET max_parallel_workers_per_gather = 0; SET jit = off;
    SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Makes connections to one database.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(super) fn new(address: &PostgresAddress) -> anyhow::Result<Self> {
        let mut config = address.config.clone();
        config
            .application_name("mlforge")
            .connect_timeout(CONNECT_TIME)
            .keepalives_idle(KEEPALIVE_TIME)
            .tcp_user_timeout(UNACKNOWLEDGED_TIME);
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls(address.root_certificates.as_deref())?),
        })
    }

    /// Makes a connection to a database whose schema this program knows. It ends when the client is dropped.
    pub(super) async fn connect(&self) -> Result<Client, Fault> {
        let client = self.connect_unchecked().await?;
        schema::check(&client).await?;
        Ok(client)
    }

    /// Makes a connection without a look at the schema.
    pub(super) async fn connect_unchecked(&self) -> Result<Client, Fault> {
        let client = self.connect_unset().await?;
        let version = client.query_one("SELECT version()", &[]).await?;
        if version.try_get::<_, &str>(0)?.starts_with("PostgreSQL") {
            client.batch_execute(SETTINGS).await?;
        }
        Ok(client)
    }

    /// Makes a connection without settings.
    async fn connect_unset(&self) -> Result<Client, Fault> {
        let connecting = tokio::time::timeout(CONNECT_TIME, self.config.connect(self.tls.clone()));
        let (client, connection) = connecting
            .await
            .map_err(|_| Fault::Lost("no connection within 5 seconds".to_owned()))?
            .map_err(|error| Fault::Lost(text_of(&error)))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(target: "mlforge::database", error = text_of(&error), "a connection to the database has ended");
            }
        });
        Ok(client)
    }
}

impl PostgresAddress {
    /// Connects to a database of any schema, also one that takes no writes, with the settings that it has for everybody. The
    /// connection ends when the client is dropped.
    ///
    /// # Errors
    /// Fails when the database cannot be reached, or refuses the user.
    pub async fn connect_to_read(&self) -> anyhow::Result<Client> {
        let mut connector = Connector::new(self)?;
        connector.config.target_session_attrs(TargetSessionAttrs::Any);
        let connected = connector.connect_unset().await;
        connected.map_err(|fault| anyhow::anyhow!("{}", fault.text()))
    }
}

/// TLS that verifies certificates and names.
fn tls(root_certificates: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let Some(file) = root_certificates else {
        let verifier = Verifier::new(provider).context("cannot read the certificates of the system")?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        return Ok(builder.with_no_client_auth());
    };
    let cannot_read = || format!("cannot read the certificates in {}", file.display());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(cannot_read)? {
        roots
            .add(certificate.with_context(cannot_read)?)
            .with_context(cannot_read)?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A failure, by what is known of its effect.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The connection is unusable. If a change was sent, its outcome is unknown.
    Lost(String),
    /// The transaction was undone, and may be sent again.
    Undone(String),
    /// The transaction was undone, and would be again.
    Refused(String),
}

impl Fault {
    pub(super) fn text(&self) -> &str {
        match self {
            Fault::Lost(text) | Fault::Undone(text) | Fault::Refused(text) => text,
        }
    }
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        StorageError::Unavailable(format!("postgres: {}", fault.text()))
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = text_of(&error);
        let Some(code) = error.code() else {
            return Fault::Lost(text);
        };
        let undone = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::QUERY_CANCELED,
        ];
        // A server that became a standby, a pooler that forgot a statement, and an engine that does not know the outcome.
        let lost = [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
        ];
        let class = code.code().get(..2).unwrap_or_default();
        // 57P: the server stops or starts. 08 is the class of broken connections.
        if undone.contains(code) {
            Fault::Undone(text)
        } else if lost.contains(code) || class == "08" || code.code().starts_with("57P") {
            Fault::Lost(text)
        } else {
            Fault::Refused(text)
        }
    }
}

/// The text of an error with its causes. The database's own message has no value of a parameter.
fn text_of(error: &tokio_postgres::Error) -> String {
    if let Some(text) = text_of_certificate(error) {
        return text;
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The text about a certificate that was refused. `None`: there is another reason.
fn text_of_certificate(error: &tokio_postgres::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // An error of rustls hides within an error of the socket, which does not name it as its cause.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = match inner {
            Some(inner) => inner.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        if let Some(rustls::Error::InvalidCertificate(reason)) = found {
            return Some(match reason {
                CertificateError::UnknownIssuer => "the certificate of the database is signed by no authority that is \
                    trusted here: name the file of its authority by sslrootcert in the address"
                    .to_owned(),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    format!("the certificate of the database is for another name: {reason}")
                }
                reason => format!("the certificate of the database is refused: {reason}"),
            });
        }
        cause = error.source();
    }
    None
}
