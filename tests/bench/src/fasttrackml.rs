//! FastTrackML, another server of MLflow's API, on a database of the PostgreSQL that mlforge is measured on.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mlforge_postgres::free_port;

use crate::client::{Call, Client, Target};

/// Longest time that it may take to make its tables.
const START_MAX: Duration = Duration::from_secs(60);
/// Time between two questions whether it answers.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The running server. Dropping it kills it.
pub(crate) struct FastTrackMl {
    child: Child,
    pub(crate) target: Target,
}

impl FastTrackMl {
    /// Starts the binary on an empty database and waits until it answers.
    pub(crate) async fn start(binary: &Path, database: &str, work: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(binary);
        command.args(["server", "--log-level", "error", "--listen-address", &address]);
        command
            .args(["--database-uri", database, "--default-artifact-root"])
            .arg(work);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let target = Target::parse(&format!("http://{address}"), None)?;
        let mut server = Self { child, target };
        server.wait().await?;
        Ok(server)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < START_MAX {
            if let Some(status) = self.child.try_wait()? {
                bail!("FastTrackML ended with {status}");
            }
            if self.answers().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        bail!("FastTrackML did not answer within {START_MAX:?}")
    }

    async fn answers(&self) -> Result<()> {
        let mut client = Client::connect(&self.target).await?;
        let answer = client.send(Call::get("/health".to_owned())).await?;
        ensure!(answer.status == 200, "it answered {}", answer.status);
        Ok(())
    }
}

impl Drop for FastTrackMl {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
