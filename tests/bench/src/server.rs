//! The server under test as a process: started on a data directory of its own, stopped with a signal.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// After that a server that was told to stop is killed.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);

/// What is needed to start the server again and again on the same data.
pub(crate) struct Launcher {
    binary: PathBuf,
    work: WorkDir,
    log: Option<PathBuf>,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// As in `MLFLOW_TRACKING_URI`.
    pub(crate) url: String,
    /// As in `MLFLOW_TRACKING_TOKEN`; shown by the first start only.
    pub(crate) token: Option<String>,
    /// From the start of the process to the second line of its output.
    pub(crate) ready_after: Duration,
}

impl Launcher {
    /// Makes an empty data directory below `dir`.
    pub(crate) fn new(binary: &Path, dir: &Path, log: Option<PathBuf>) -> Result<Self> {
        ensure!(binary.is_file(), "there is no file {}", binary.display());
        Ok(Self {
            binary: binary.to_owned(),
            work: WorkDir::make(dir)?,
            log,
        })
    }

    /// The directory that holds the data directory, on the same disk.
    pub(crate) fn work_dir(&self) -> &Path {
        &self.work.0
    }

    /// Where the server keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.work.0.join("data")
    }

    /// Size of the binary in bytes.
    pub(crate) fn binary_bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.binary)?.len())
    }

    /// Starts the server and waits for its two lines.
    pub(crate) fn start(&self) -> Result<Server> {
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--data").arg(self.data_dir());
        command.args(["--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(self.log()?);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        let lines = child.stdout.take().map(|stdout| two_lines(BufReader::new(stdout)));
        let ready_after = started.elapsed();
        match lines {
            Some(Ok((url, token))) => Ok(Server {
                child,
                url,
                token,
                ready_after,
            }),
            Some(Err(error)) => {
                // It may have ended by itself.
                _ = child.kill();
                let status = child.wait()?;
                Err(error.context(format!("mlforge did not start ({status}); --server-log FILE shows why")))
            }
            None => bail!("the server has no output"),
        }
    }

    fn log(&self) -> Result<Stdio> {
        let Some(path) = &self.log else {
            return Ok(Stdio::null());
        };
        let file = File::options().create(true).append(true).open(path);
        Ok(file.with_context(|| format!("cannot write {}", path.display()))?.into())
    }
}

impl Server {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop and waits until it has; returns how long that took.
    pub(crate) fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        let pid = self.pid();
        signal(pid, "TERM")?;
        let (stopped, stops) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            if stops.recv_timeout(STOP_TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
                _ = signal(pid, "KILL");
            }
        });
        let status = self.child.wait()?;
        let time = started.elapsed();
        drop(stopped);
        _ = guard.join();
        ensure!(status.success(), "mlforge ended with {status}");
        Ok(time)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` it is gone already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A directory that is removed at the end.
pub(crate) struct WorkDir(PathBuf);

impl WorkDir {
    /// Makes an empty directory below `parent`.
    pub(crate) fn make(parent: &Path) -> Result<Self> {
        let dir = parent.join(format!("mlforge-bench-{}", std::process::id()));
        fs::create_dir_all(parent)
            .and_then(|()| fs::create_dir(&dir))
            .with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self(dir))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("mlforge-bench: cannot remove {}: {error}", self.0.display());
        }
    }
}

fn two_lines(output: impl BufRead) -> Result<(String, Option<String>)> {
    let mut lines = output.lines();
    let mut line = || lines.next().transpose()?.context("its output ended early");
    let url = line()?;
    let url = url
        .strip_prefix("export MLFLOW_TRACKING_URI=")
        .with_context(|| format!("it printed {url:?}"))?;
    let second = line()?;
    Ok((
        url.to_owned(),
        second.strip_prefix("export MLFLOW_TRACKING_TOKEN=").map(str::to_owned),
    ))
}

fn signal(pid: u32, name: &str) -> Result<()> {
    // The shell has `kill` built in; calling the system oneself would be unsafe code.
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .status()?;
    ensure!(status.success(), "cannot send SIG{name} to the server");
    Ok(())
}
